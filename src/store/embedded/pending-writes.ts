import type { Write } from './journal.ts';

type Key = readonly unknown[];

/** Where a key's write is kept; `id` is the key as text. */
export interface Address {
  kind: string;
  /** Empty for keys that are of no session. */
  session: string;
  id: string;
}

export function addressOf(key: Key): Address {
  return { kind: key[0] as string, session: sessionOf(key), id: JSON.stringify(key) };
}

/**
 * Writes by their key, of several of one key the last. Those of one session are found without a look at the others: reads of a
 * session are many while much waits.
 */
export class PendingWrites {
  /** By kind, then by session, then by the key as text. */
  readonly #kinds = new Map<string, Map<string, Map<string, Write>>>();

  get({ kind, session, id }: Address): Write | undefined {
    return this.#kinds.get(kind)?.get(session)?.get(id);
  }

  set({ kind, session, id }: Address, write: Write): void {
    let sessions = this.#kinds.get(kind);
    if (sessions === undefined) {
      sessions = new Map();
      this.#kinds.set(kind, sessions);
    }
    const of = sessions.get(session);
    if (of === undefined) sessions.set(session, new Map([[id, write]]));
    else of.set(id, write);
  }

  /** What is newer takes the place of what is here. `newer` is not to be used any more. */
  add(newer: PendingWrites): void {
    for (const [kind, sessions] of newer.#kinds) {
      const known = this.#kinds.get(kind);
      if (known === undefined) {
        this.#kinds.set(kind, sessions);
        continue;
      }
      for (const [session, of] of sessions) {
        const knownOf = known.get(session);
        if (knownOf === undefined) known.set(session, of);
        else for (const [id, write] of of) knownOf.set(id, write);
      }
    }
  }

  /** All that may be between two keys of a kind, and perhaps more. */
  *near(start: Key, end: Key): Iterable<Write> {
    const sessions = this.#kinds.get(start[0] as string);
    if (sessions === undefined) return;
    const isOfOne = start.length > 2 && end.length > 2 && start[1] === end[1] && start[2] === end[2];
    const groups =
      isOfOne && typeof start[2] === 'string'
        ? [sessions.get(apart), sessions.get(nameOf(start[1], start[2]))]
        : sessions.values();
    for (const of of groups) if (of !== undefined) yield* of.values();
  }

  *[Symbol.iterator](): Iterator<Write> {
    for (const sessions of this.#kinds.values()) for (const of of sessions.values()) yield* of.values();
  }
}

const apart = '';

/** `turn`, `entry`, `text` and `tombstone` have more behind their session. */
function sessionOf(key: Key): string {
  return key.length > 3 && typeof key[2] === 'string' ? nameOf(key[1], key[2]) : apart;
}

function nameOf(tenant: unknown, session: string): string {
  return `${tenant as string}\0${session}`;
}
