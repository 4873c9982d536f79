/** Calls that belong to one answer: aborted together or one by one, and over when the last of them is closed. */
export class AnswerScope {
  readonly #signal: AbortSignal;
  readonly #onClosed: () => void;
  readonly #onAborted: (() => void) | undefined;
  readonly #controllers = new Set<AbortController>();
  #isEnded = false;
  #isClosed = false;

  /** `onAborted` comes within the abort, before it returns. */
  constructor(signal: AbortSignal, onClosed: () => void, onAborted?: () => void) {
    this.#signal = signal;
    this.#onClosed = onClosed;
    this.#onAborted = onAborted;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Nothing of the answer is told any more. */
  get isEnded(): boolean {
    return this.#isEnded || this.#signal.aborted;
  }

  /** A part with a signal of its own; `closed` is to be called once its connections are released. */
  part(): { signal: AbortSignal; closed(): void; abort(reason: string): void } {
    const controller = new AbortController();
    if (this.#signal.aborted) controller.abort(this.#signal.reason);
    this.#controllers.add(controller);
    return {
      signal: controller.signal,
      closed: () => {
        this.#controllers.delete(controller);
        this.#closeIfDone();
      },
      abort: (reason) => controller.abort(reason),
    };
  }

  /** The answer is whole, failed or given up; parts that run are aborted. */
  end(reason: string): void {
    this.#isEnded = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    for (const controller of this.#controllers) controller.abort(reason);
    queueMicrotask(() => this.#closeIfDone());
  }

  readonly #onAbort = (): void => {
    this.end(String(this.#signal.reason));
    this.#onAborted?.();
  };

  #closeIfDone(): void {
    if (!this.isEnded || this.#controllers.size > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#onClosed();
  }
}
