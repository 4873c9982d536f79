/** Named events with typed arguments. */
export class Emitter<Events extends Record<string, unknown[]>> {
  readonly #listeners = new Map<keyof Events, Set<(args: unknown[]) => void>>();

  /** Listens until the function it answers is called. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // of its own, so that the same function may listen twice
    const entry = (args: unknown[]): void => listener(...(args as Events[Name]));
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  protected emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(args);
      } catch (error) {
        // a listener's fault is its author's: it surfaces as uncaught, and the stream goes on
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
