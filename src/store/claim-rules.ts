import type { ClaimRequest, ClaimResult, StoredSession, StoredTurn } from './contract.ts';

/**
 * Decides a claim and changes `session` accordingly; the embedded store runs it inside its transaction, and the
 * commands of other stores must decide alike. The caller stores the session and the turn when the turn was taken.
 */
export function decideClaim(
  session: StoredSession | undefined,
  existing: StoredTurn | undefined,
  tombstoned: boolean,
  request: ClaimRequest,
): ClaimResult {
  if (session === undefined) return { outcome: 'session_not_found' };
  const { record } = request;
  if (existing !== undefined) {
    const fingerprint = existing.state === 'finished' ? existing.fingerprint : existing.record.fingerprint;
    return fingerprint === record.fingerprint ? { outcome: 'duplicate', existing } : { outcome: 'conflict' };
  }
  const head = request.liveHead ?? session.head;
  if (request.base !== undefined && request.base !== head) return { outcome: 'stale_base', head };
  if (session.running === undefined) {
    const pos = session.head;
    session.running = record.turn;
    session.unfinishedFrom = pos;
    session.head = pos + 1;
    return { outcome: 'running', pos, tombstoned };
  }
  if (request.onBusy === 'reject') return { outcome: 'busy' };
  if (request.onBusy === 'replace') {
    const superseded = [session.running, ...session.queue];
    session.queue = [record.turn, ...session.queue];
    return { outcome: 'replacing', superseded, tombstoned };
  }
  if (session.queue.length >= request.maxQueuedTurns) return { outcome: 'queue_full' };
  session.queue = [...session.queue, record.turn];
  return { outcome: 'queued', ahead: session.queue.length, tombstoned };
}

/** Takes an ended turn out of its session; answers the waiting turn that now runs. */
export function releaseTurn(
  session: StoredSession,
  turn: string,
  head: number,
  unfinishedFrom?: number,
): string | undefined {
  session.head = Math.max(session.head, head);
  session.turns++;
  session.unfinishedFrom = Math.max(session.unfinishedFrom ?? 0, unfinishedFrom ?? 0);
  if (session.running !== turn) {
    session.queue = session.queue.filter((waiting) => waiting !== turn);
    return undefined;
  }
  const [next, ...rest] = session.queue;
  session.running = next;
  session.queue = rest;
  if (next === undefined) session.unfinishedFrom = undefined;
  return next;
}
