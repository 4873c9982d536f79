import { z } from 'zod';
import { endOfAll, type LogEvent } from '../../session/log-event.ts';
import type { StoredSession, StoredSummary, TurnEntry } from '../../store/contract.ts';
import { defineRoute, type Route } from '../contract.ts';
import type { HttpServices } from '../services.ts';
import { actBy } from '../act-by.ts';
import { exportSchema, sessionParams } from './session-schemas.ts';
import { describeSession, findSession } from './sessions.ts';

/** Turns read at a time: what a client does not take yet is not in memory. */
const pageTurns = 16;

/** Takes a whole session away as one JSON document, which is made as it is read. */
export function exportRoute(services: HttpServices): Route {
  const { store, audit } = services;
  return defineRoute({
    name: 'exportSession',
    method: 'GET',
    path: '/v1/sessions/{id}/export',
    summary: 'A whole session with all events of its finished turns',
    description: 'A connection that is cut before the end of the document means that the export failed.',
    access: 'export',
    params: sessionParams,
    query: z.strictObject({}),
    answer: { status: 200, description: 'The session', data: exportSchema },
    problems: [404],
    async answerTo({ id, params, address, signal }, identity) {
      const { stored, session } = await findSession(services, identity, params.id);
      const summary = await store.readSummary(stored);
      audit.note(actBy(identity, { id, address }, { act: 'session.exported', target: params.id }));
      return {
        status: 200,
        headers: {
          'content-type': 'application/json',
          'content-disposition': `attachment; filename="${stored.session}.json"`,
        },
        body: writeExport(store, stored, describeSession(stored, session), summary, id, signal),
      };
    },
  });
}

async function* writeExport(
  store: HttpServices['store'],
  stored: StoredSession,
  session: object,
  summary: StoredSummary | undefined,
  requestId: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const head = JSON.stringify({ session, summary });
  yield `{"data":${head.slice(0, -1)},"turns":[`;
  let isFirst = true;
  for (let from = 0; !signal.aborted; ) {
    const entries = await store.readEntries(stored, from, pageTurns);
    for (const entry of entries) {
      yield `${isFirst ? '' : ','}\n${JSON.stringify(exportedTurn(entry))}`;
      isFirst = false;
      from = endOfAll(entry.events);
    }
    if (entries.length < pageTurns) break;
  }
  // erased meanwhile: what was read is not all of it
  if ((await store.readSession(stored))?.epoch !== stored.epoch) throw new Error('the session was erased meanwhile');
  yield `\n]},"requestId":${JSON.stringify(requestId)}}\n`;
}

function exportedTurn({ turn, inputTokens, outputTokens, heard, events }: TurnEntry): object {
  return { turn, inputTokens, outputTokens, heard, events: events.map(publicEvent) };
}

/** Without what clients never see. */
function publicEvent(event: LogEvent): object {
  if (event.t === 'turn.routed') {
    const { sent: _sent, ...rest } = event;
    return rest;
  }
  if (event.t === 'tool.call') {
    const { native: _native, ...rest } = event;
    return rest;
  }
  return event;
}
