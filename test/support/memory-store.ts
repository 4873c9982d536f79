import type {
  SessionKey,
  Store,
  StoredSession,
  StoredSummary,
  StoredTurn,
  TurnEntry,
} from '../../src/store/contract.ts';
import { decideClaim, releaseTurn } from '../../src/store/claim-rules.ts';
import { decidePin, mayReplaceSummary } from '../../src/store/window-rules.ts';
import type { LogEvent } from '../../src/session/log-event.ts';
import { createMemoryRecords } from './memory-records.ts';

export interface MemoryStore extends Store {
  /** Everything that was appended to the node log, in order. */
  readonly logged: LogEvent[];
}

/** A store in memory whose calls take as long as `delay` says: for replaying races from a seed. */
export function createMemoryStore(delay: () => Promise<void> = () => Promise.resolve()): MemoryStore {
  const sessions = new Map<string, StoredSession>();
  const turns = new Map<string, StoredTurn>();
  const tombstones = new Set<string>();
  const texts = new Map<string, string>();
  const summaries = new Map<string, StoredSummary>();
  const entries = new Map<string, { end: number; entry: TurnEntry }[]>();
  const logged: LogEvent[] = [];
  const name = (key: SessionKey, turn = ''): string => `${key.tenant}/${key.session}/${turn}`;

  /** The step itself is atomic; the time around it is what races are made of. */
  async function step<Result>(action: () => Result): Promise<Result> {
    await delay();
    const result = structuredClone(action());
    await delay();
    return result;
  }

  return {
    kind: 'memory',
    records: createMemoryRecords(step),
    logged,
    createSession: (key, settings, epoch, at) =>
      step(() => {
        const existing = sessions.get(name(key));
        if (existing !== undefined) return { created: false, session: existing };
        const session: StoredSession = { ...key, epoch, head: 0, settings, createdAt: at, turns: 0, queue: [] };
        sessions.set(name(key), session);
        return { created: true, session };
      }),
    readSession: (key) => step(() => sessions.get(name(key))),
    updateSettings: (key, settings) => step(() => void Object.assign(sessions.get(name(key)) ?? {}, { settings })),
    setPinned: (key, turn, isPinned, max) =>
      step(() => {
        const session = sessions.get(name(key));
        if (session === undefined || !turns.has(name(key, turn))) return { outcome: 'turn_not_found' };
        return decidePin(session, turn, isPinned, max);
      }),
    keepText: (key, epoch, id, text) =>
      step(() => {
        if (sessions.get(name(key))?.epoch === epoch) texts.set(name(key, id), text);
      }),
    readText: (key, id) => step(() => texts.get(name(key, id))),
    readSummary: (key) => step(() => summaries.get(name(key))),
    writeSummary: (key, epoch, replaces, summary) =>
      step(() => {
        if (sessions.get(name(key))?.epoch !== epoch) return false;
        if (!mayReplaceSummary(summaries.get(name(key)), replaces, summary)) return false;
        summaries.set(name(key), structuredClone(summary));
        return true;
      }),
    deleteSession: (key) =>
      step(() => {
        sessions.delete(name(key));
        summaries.delete(name(key));
        for (const map of [turns, texts]) {
          for (const id of [...map.keys()]) if (id.startsWith(name(key))) map.delete(id);
        }
        entries.delete(name(key));
      }),
    claim: (request) =>
      step(() => {
        const session = sessions.get(name(request));
        const id = name(request, request.record.turn);
        const result = decideClaim(session, turns.get(id), tombstones.has(id), request);
        if (result.outcome === 'running' || result.outcome === 'queued' || result.outcome === 'replacing') {
          const pos = result.outcome === 'running' ? result.pos : undefined;
          turns.set(id, {
            state: 'unfinished',
            record: { ...request.record, pos, tombstoned: result.tombstoned || undefined },
          });
          tombstones.delete(id);
        }
        return result;
      }),
    readTurn: (key, turn) => step(() => turns.get(name(key, turn))),
    tombstone: (key, turn) =>
      step(() => {
        const existing = turns.get(name(key, turn));
        if (existing === undefined) tombstones.add(name(key, turn));
        return existing;
      }),
    append: (batches) => step(() => void logged.push(...batches.flatMap((batch) => batch.events))),
    end: (request) =>
      step(() => {
        const session = sessions.get(name(request));
        const id = name(request, request.entry.turn);
        const turn = turns.get(id);
        if (session === undefined || turn === undefined) return { outcome: 'unknown' };
        if (turn.state === 'finished') return { outcome: 'already_ended', status: turn.status };
        const { fingerprint } = request.entry;
        turns.set(id, { state: 'finished', fingerprint, status: request.status, end: request.head });
        entries.set(name(request), [
          ...(entries.get(name(request)) ?? []),
          { end: request.head, entry: structuredClone(request.entry) },
        ]);
        return { outcome: 'ended', next: releaseTurn(session, request.entry.turn, request.head) };
      }),
    noteHeard: (key, position, heard, outputTokens) =>
      step(() => {
        const found = entries.get(name(key))?.find(({ end }) => end === position);
        if (found !== undefined) Object.assign(found.entry, { heard, outputTokens });
      }),
    readEntries: (key, from, limit) =>
      step(() =>
        (entries.get(name(key)) ?? [])
          .filter(({ end }) => end > from)
          .sort((a, b) => a.end - b.end)
          .slice(0, limit)
          .map(({ entry }) => entry),
      ),
    readTail: (key, before, limit) =>
      step(() =>
        (entries.get(name(key)) ?? [])
          .filter(({ end }) => end < before)
          .sort((a, b) => b.end - a.end)
          .slice(0, limit)
          .map(({ entry }) => entry),
      ),
    adopt: async () => true,
    retain: async () => undefined,
    touch: async () => {},
    expire: async () => false,
    mayTidy: async () => true,
    tenants: async () => [],
    listSessions: async () => [],
    orphans: async () => [],
    close: async () => {},
  };
}
