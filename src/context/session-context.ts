import { createHash } from 'node:crypto';
import type { SessionKey, Store, StoredSummary, StoredTurn, TurnEntry } from '../store/contract.ts';
import { ContextTail } from './context-tail.ts';
import { type WindowTurn, windowTurnOf } from './window-turn.ts';

/** What of a session its windows are built from, kept on the node that runs it. */
export class SessionContext {
  readonly #store: Store;
  readonly #key: SessionKey;
  readonly #epoch: string;
  readonly #tail: ContextTail;
  #pinned = new Map<string, WindowTurn>();
  /** What ended before this was removed. */
  #start = 0;
  #summary: Promise<StoredSummary | undefined> | undefined;
  /** Ids of texts that are stored. */
  readonly #kept = new Set<string>();

  constructor(store: Store, key: SessionKey, epoch: string) {
    this.#store = store;
    this.#key = key;
    this.#epoch = epoch;
    this.#tail = new ContextTail(store, key);
  }

  /** Finished turns, newest last, that hold at least `maxTokens` tokens where the session has as many. */
  read(maxTokens: number): Promise<readonly WindowTurn[]> {
    return this.#tail.read(maxTokens);
  }

  /** Those of these turns that have ended, in log order; each is read once, however long ago it was. */
  async readPinned(turns: readonly string[]): Promise<readonly WindowTurn[]> {
    if (turns.length === 0) return [];
    const known = this.#pinned;
    const unknown = turns.filter((turn) => !known.has(turn));
    await Promise.all(
      unknown.map(async (turn) => {
        const entry = await readEntry(this.#store, this.#key, turn);
        if (entry !== undefined) known.set(turn, windowTurnOf(entry));
      }),
    );
    for (const turn of known.keys()) if (!turns.includes(turn)) known.delete(turn);
    return [...known.values()].toSorted((a, b) => a.end - b.end);
  }

  /** What stands for older turns; read once. */
  readSummary(): Promise<StoredSummary | undefined> {
    if (this.#summary === undefined) {
      const reading = this.#store.readSummary(this.#key);
      this.#summary = reading;
      reading.catch(() => {
        if (this.#summary === reading) this.#summary = undefined;
      });
    }
    return this.#summary;
  }

  /** Stores the summary that follows `replaces`; false when another one does already, or the session is gone. */
  writeSummary(replaces: StoredSummary | undefined, summary: StoredSummary): Promise<boolean> {
    return this.#store.writeSummary(this.#key, this.#epoch, replaces?.end ?? 0, summary);
  }

  /** The summary was stored; undefined: another one is, which is read when it is needed. */
  takeSummary(summary: StoredSummary | undefined): void {
    this.#summary = summary === undefined ? undefined : Promise.resolve(summary);
  }

  /** Makes a text readable for the life of the session; answers its id. */
  async keepText(text: string): Promise<string> {
    const id = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    if (this.#kept.has(id)) return id;
    await this.#store.keepText(this.#key, this.#epoch, id, text);
    this.#kept.add(id);
    return id;
  }

  /** What ended before `position` was removed from the store. */
  forgetBefore(position: number): void {
    if (position === this.#start) return;
    this.#start = position;
    this.#tail.forgetBefore(position);
    for (const [turn, { end }] of this.#pinned) if (end <= position) this.#pinned.delete(turn);
  }

  /** A turn ended; called after its entry is stored. */
  add(entry: TurnEntry): void {
    this.#tail.add(entry);
  }

  /** A stored turn was changed; the next window reads it anew. */
  forget(): void {
    this.#tail.forget();
    this.#pinned = new Map();
    this.#summary = undefined;
  }
}

/** The entry of a finished turn. */
export async function readEntry(
  store: Store,
  key: SessionKey,
  turn: string,
  stored?: StoredTurn,
): Promise<TurnEntry | undefined> {
  const known = stored ?? (await store.readTurn(key, turn));
  if (known?.state !== 'finished') return undefined;
  const [entry] = await store.readEntries(key, known.end - 1, 1);
  return entry?.turn === turn ? entry : undefined;
}
