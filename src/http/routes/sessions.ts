import { z } from 'zod';
import type { Identity } from '../../auth/contract.ts';
import { inParallel } from '../../lib/in-parallel.ts';
import { readHistoryPage } from '../../session/history-page.ts';
import type { Session } from '../../session/session.ts';
import type { SessionKey, StoredSession } from '../../store/contract.ts';
import { mayUseSession, noSession } from '../access.ts';
import { defineRoute, type Route } from '../contract.ts';
import { decodeCursor, encodeCursor, wrongCursor } from '../cursor.ts';
import type { HttpServices } from '../services.ts';
import { actBy } from '../act-by.ts';
import { erasedSchema, listedSessionSchema, sessionParams, sessionSchema, turnsSchema } from './session-schemas.ts';

const limitSchema = z.coerce.number().int().min(1).max(100).default(20);
const cursorSchema = z.string().min(1).max(4_096).optional();
/** A list that moved while it was read is searched this far back for where the page before ended. */
const lookBack = 64;
/** Sessions that the page before ended with; the last one alone may have moved. */
const kept = 4;
const readsAtOnce = 8;

/** Lists, shows and erases sessions. */
export function sessionRoutes(services: HttpServices): Route[] {
  const { store, registry, audit } = services;
  return [
    defineRoute({
      name: 'listSessions',
      method: 'GET',
      path: '/v1/sessions',
      summary: 'Sessions of the tenant that had a turn, the longest unused first',
      description: 'A session that is used while pages are read moves to the end of the list.',
      access: 'history',
      params: z.strictObject({}),
      query: z.strictObject({ limit: limitSchema, cursor: cursorSchema }),
      answer: { status: 200, description: 'A page of sessions', data: z.array(listedSessionSchema), isPage: true },
      async answerTo({ query }, identity) {
        const { sessions, next } = await listPage(services, identity, query);
        return { status: 200, data: sessions, next };
      },
    }),
    defineRoute({
      name: 'readSession',
      method: 'GET',
      path: '/v1/sessions/{id}',
      summary: 'A session: its settings, where its log stands, what runs',
      access: 'history',
      params: sessionParams,
      query: z.strictObject({}),
      answer: { status: 200, description: 'The session', data: sessionSchema },
      problems: [404],
      async answerTo({ params }, identity) {
        const { stored, session } = await findSession(services, identity, params.id);
        const summary = await store.readSummary(stored);
        const { end, turns } = summary ?? {};
        return { status: 200, data: { ...describeSession(stored, session), summary: summary && { end, turns } } };
      },
    }),
    defineRoute({
      name: 'listTurns',
      method: 'GET',
      path: '/v1/sessions/{id}/turns',
      summary: 'Finished turns of a session, newest first',
      access: 'history',
      params: sessionParams,
      query: z.strictObject({ limit: limitSchema, cursor: cursorSchema }),
      answer: { status: 200, description: 'A page of turns', data: turnsSchema, isPage: true },
      problems: [404],
      async answerTo({ params, query }, identity) {
        const before = query.cursor === undefined ? undefined : positionOf(query.cursor);
        const { stored } = await findSession(services, identity, params.id);
        const { turns, next } = await readHistoryPage(store, {
          key: stored,
          pinned: stored.pinned ?? [],
          before,
          limit: query.limit,
          maxBytes: services.limits.maxHistoryBytes,
        });
        return { status: 200, data: turns, next: next === undefined ? undefined : String(next) };
      },
    }),
    defineRoute({
      name: 'eraseSession',
      method: 'DELETE',
      path: '/v1/sessions/{id}',
      summary: 'Erases a session with its log, stops its turns and tells the sockets that follow it',
      access: 'erase',
      params: sessionParams,
      query: z.strictObject({}),
      answer: { status: 200, description: 'It is gone', data: erasedSchema },
      problems: [404],
      async answerTo({ id, params, address }, identity) {
        await services.settled();
        const found = await registry.find(keyOf(identity, params.id));
        if (found === undefined || !mayUseSession(identity, params.id)) {
          if (found !== undefined) registry.release(found);
          throw noSession();
        }
        await services.eraseSession(found);
        audit.note(actBy(identity, { id, address }, { act: 'session.erased', target: params.id }));
        return { status: 200, data: { session: params.id, erased: true } };
      },
    }),
  ];
}

/**
 * The session as stored, and as this node has it in memory. Throws `Problem` `session_not_found`, after the same work, for one
 * that does not exist, is another tenant's or may not be seen.
 */
export async function findSession(
  { store, registry, settled }: HttpServices,
  identity: Identity,
  id: string,
): Promise<{ stored: StoredSession; session: Session }> {
  await settled();
  const key = keyOf(identity, id);
  const [stored, session] = await Promise.all([store.readSession(key), registry.find(key)]);
  if (session !== undefined) registry.release(session);
  if (stored === undefined || session === undefined || !mayUseSession(identity, id)) throw noSession();
  return { stored, session };
}

/** What is shown of a session beside its summary. */
export function describeSession(stored: StoredSession, session: Session): object {
  const { session: id, createdAt, settings, turns, running, queue, pinned, start } = stored;
  return {
    session: id,
    epoch: session.epoch,
    createdAt,
    settings,
    head: Math.max(stored.head, session.log.durable),
    start: start ?? 0,
    turns,
    running,
    waiting: queue,
    pinned: pinned ?? [],
  };
}

async function listPage(
  { store }: HttpServices,
  identity: Identity,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ sessions: object[]; next: string | undefined }> {
  const { tenant } = identity;
  const from = cursor === undefined ? 0 : await placeOf(store, tenant, cursor);
  const found = await store.listSessions(tenant, from, limit + 1);
  const page = found.slice(0, limit);
  const visible = page.filter(({ session, isGone }) => !isGone && mayUseSession(identity, session));
  const listed = await inParallel(visible, readsAtOnce, async ({ session, bytes, idleMs }) => {
    const stored = await store.readSession({ tenant, session });
    if (stored === undefined) return [];
    const { createdAt, turns, head, running } = stored;
    return [{ session, createdAt, turns, head, bytes, idleMs, running }];
  });
  const last = page.slice(-kept).map(({ session }) => session);
  const next = found.length > limit ? encodeCursor({ passed: from + page.length, last }) : undefined;
  return { sessions: listed.flat(), next };
}

/** Where a page begins: sessions that were used since the last one have moved to the end, and the rest forward. */
async function placeOf(store: HttpServices['store'], tenant: string, cursor: string): Promise<number> {
  const { passed, last } = decodeCursor(cursor);
  const from = Math.max(0, passed - lookBack);
  const window = await store.listSessions(tenant, from, passed - from);
  const at = window.findLastIndex(({ session }) => last.includes(session));
  // rather one twice than one missed
  return at === -1 ? from : from + at + 1;
}

function positionOf(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw wrongCursor();
  return Number(cursor);
}

function keyOf({ tenant }: Identity, session: string): SessionKey {
  return { tenant, session };
}
