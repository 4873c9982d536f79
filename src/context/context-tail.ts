import type { SessionKey, Store, TurnEntry } from '../store/contract.ts';
import type { WindowTurn } from './window-turn.ts';
import { windowTurnOf } from './window-turn.ts';

const pageEntries = 32;

/**
 * The newest finished turns of a session, kept on the node that runs it: read from the end of the stored log once and
 * then extended turn by turn, so that turn 1,000 starts as fast as turn 10.
 */
export class ContextTail {
  readonly #store: Store;
  readonly #key: SessionKey;
  #turns: WindowTurn[] = [];
  /** Tokens of all turns held. */
  #tokens = 0;
  /** End of the oldest turn held; older ones are in the store. */
  #before = Number.MAX_SAFE_INTEGER;
  #complete = false;
  /** The page that is being read; whoever needs it waits for the same one. */
  #loading: Promise<void> | undefined;
  /** Changes when what was read is not valid any more. */
  #life = 0;

  constructor(store: Store, key: SessionKey) {
    this.#store = store;
    this.#key = key;
  }

  /** Finished turns, newest last, that hold at least `maxTokens` tokens where the session has as many. */
  async read(maxTokens: number): Promise<readonly WindowTurn[]> {
    while (!this.#complete && this.#tokens < maxTokens) {
      this.#loading ??= this.#loadPage().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    this.#shrink(maxTokens);
    return this.#turns;
  }

  async #loadPage(): Promise<void> {
    const life = this.#life;
    const entries = await this.#store.readTail(this.#key, this.#before, pageEntries);
    // what was read belongs before turns that were let go meanwhile
    if (life !== this.#life) return;
    this.#complete = entries.length < pageEntries;
    for (const entry of entries) {
      const turn = windowTurnOf(entry);
      this.#before = turn.end;
      this.#turns.unshift(turn);
      this.#tokens += turn.tokens;
    }
  }

  /** A turn ended; called after its entry is stored. */
  add(entry: TurnEntry): void {
    // nothing was read yet: the store has this entry too, and it comes with the first page
    if (this.#before === Number.MAX_SAFE_INTEGER && !this.#complete) {
      // a page on its way may have been read just before
      this.#life++;
      return;
    }
    const turn = windowTurnOf(entry);
    this.#turns.push(turn);
    this.#tokens += turn.tokens;
  }

  /** What ended before `position` was removed from the store. */
  forgetBefore(position: number): void {
    const count = this.#turns.findIndex(({ end }) => end > position);
    const gone = this.#turns.splice(0, count === -1 ? this.#turns.length : count);
    if (gone.length === 0) return;
    this.#life++;
    for (const { tokens } of gone) this.#tokens -= tokens;
    this.#before = this.#turns[0]?.end ?? Number.MAX_SAFE_INTEGER;
    if (this.#turns.length === 0) this.#complete = false;
  }

  /** A stored turn was changed; the next window reads it anew. */
  forget(): void {
    this.#life++;
    this.#turns = [];
    this.#tokens = 0;
    this.#before = Number.MAX_SAFE_INTEGER;
    this.#complete = false;
  }

  /** Turns far outside the budget are let go; they stay in the store. */
  #shrink(maxTokens: number): void {
    let excess = this.#tokens - 2 * maxTokens;
    let count = 0;
    while (count < this.#turns.length && excess > this.#turns[count]!.tokens) excess -= this.#turns[count++]!.tokens;
    if (count === 0) return;
    this.#life++;
    for (const turn of this.#turns.slice(0, count)) this.#tokens -= turn.tokens;
    this.#turns = this.#turns.slice(count);
    this.#before = this.#turns[0]?.end ?? Number.MAX_SAFE_INTEGER;
    this.#complete = false;
  }
}
