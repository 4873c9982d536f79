import type { UpstreamToolCall } from '../upstream/contract.ts';

/** The tool calls of a turn: each is opened once and closed once. */
export class OpenCalls {
  readonly #open = new Set<string>();
  readonly #closed = new Set<string>();

  get size(): number {
    return this.#open.size;
  }

  /** Ids that still wait for a result. */
  get ids(): string[] {
    return [...this.#open];
  }

  /** Opens a call under an id that is unique in the turn, and answers that id. */
  open(call: UpstreamToolCall): string {
    let id = call.id;
    for (let i = 2; this.#open.has(id) || this.#closed.has(id); i++) id = `${call.id}-${i}`;
    this.#open.add(id);
    return id;
  }

  /** Calls that were opened on another node. */
  restore(open: readonly string[], closed: readonly string[]): void {
    for (const id of open) this.#open.add(id);
    for (const id of closed) this.#closed.add(id);
  }

  close(id: string): 'closed' | 'already_closed' | 'unknown' {
    if (this.#open.delete(id)) {
      this.#closed.add(id);
      return 'closed';
    }
    return this.#closed.has(id) ? 'already_closed' : 'unknown';
  }
}
