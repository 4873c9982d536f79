import type { LogBatch, Store } from '../store/contract.ts';
import type { LogEvent } from './log-event.ts';

/** What the group commit needs of a session. */
export interface CommitTarget {
  readonly key: { readonly tenant: string; readonly session: string };
  /** The session is gone; what is pending must not be written any more. */
  readonly erased: boolean;
  /** What was added is on its way to the store, and must not change any more. */
  taken(): void;
  /** Everything before `position` is in the node log. */
  acknowledged(position: number): void;
}

interface Pending {
  target: CommitTarget;
  events: LogEvent[];
  end: number;
}

/** Wait after the first failed attempt to write; it doubles up to the greatest. Milliseconds. */
const retryMs = 50;
const maxRetryMs = 500;

/**
 * Makes the events of all running turns durable together: while one append is in flight the rest gathers, and what
 * gathers within one turn of the event loop goes as one append. Order within a session is kept; a failed append is
 * repeated as it was, since its outcome is unknown and positions make the repeat harmless.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #onTrouble: (error: unknown) => void;
  readonly #together: (action: () => void) => void;
  #pending = new Map<CommitTarget, Pending>();
  #scheduled = false;
  #inFlight = false;
  #closed = false;

  /** `together` runs an action in which many followers are sent something. */
  constructor(
    store: Store,
    onTrouble: (error: unknown) => void,
    together: (action: () => void) => void = (action) => action(),
  ) {
    this.#store = store;
    this.#onTrouble = onTrouble;
    this.#together = together;
  }

  add(target: CommitTarget, event: LogEvent, end: number): void {
    const known = this.#pending.get(target);
    if (known === undefined) {
      this.#pending.set(target, { target, events: [event], end });
    } else {
      known.events.push(event);
      known.end = end;
    }
    if (this.#scheduled || this.#inFlight) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  /** The last event that was added has grown. */
  extended(target: CommitTarget, end: number): void {
    const known = this.#pending.get(target);
    if (known !== undefined) known.end = end;
  }

  close(): void {
    this.#closed = true;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#inFlight || this.#closed || this.#pending.size === 0) return;
    const batch = [...this.#pending.values()];
    this.#pending = new Map();
    this.#inFlight = true;
    for (const { target } of batch) target.taken();
    void this.#write(batch);
  };

  async #write(batch: Pending[]): Promise<void> {
    const batches: LogBatch[] = batch
      .filter(({ target }) => !target.erased)
      .map(({ target, events }) => ({ events, ...target.key }));
    for (let attempt = 0; !this.#closed; attempt++) {
      try {
        await this.#store.append(batches);
        break;
      } catch (error) {
        this.#onTrouble(error);
        await new Promise((resolve) => setTimeout(resolve, Math.min(maxRetryMs, retryMs * 2 ** attempt)));
      }
    }
    this.#inFlight = false;
    if (this.#closed) return;
    this.#together(() => {
      for (const { target, end } of batch) {
        try {
          target.acknowledged(end);
        } catch (error) {
          // a fault of one session's followers stays with it
          this.#onTrouble(error);
        }
      }
    });
    if (this.#pending.size > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
  }
}
