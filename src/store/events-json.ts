import type { LogEvent } from '../session/log-event.ts';
import type { LogBatch } from './contract.ts';

/** What JSON writes otherwise than as it is: quotes, backslashes, what is below a space, and halves of pairs. */
const notPlain = /["\\\ud800-\udfff]|[^ -\uffff]/;

/** A text as JSON. */
export function textJson(text: string): string {
  return notPlain.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** What `JSON.stringify` says of the same batches. */
export function batchesJson(batches: readonly LogBatch[]): string {
  let json = '[';
  for (const { tenant, session, events } of batches) {
    if (json.length > 1) json += ',';
    json += `{"tenant":${textJson(tenant)},"session":${textJson(session)},"events":${eventsJson(events)}}`;
  }
  return `${json}]`;
}

/** What `JSON.stringify` says of the same events, at a third of the cost where they are deltas, as nearly all are. */
export function eventsJson(events: readonly LogEvent[]): string {
  let json = '[';
  for (const event of events) {
    if (json.length > 1) json += ',';
    json += eventJson(event);
  }
  return `${json}]`;
}

function eventJson(event: LogEvent): string {
  if (event.t !== 'delta' || event.kind !== undefined) return JSON.stringify(event);
  const { turn, text, tokens, pos } = event;
  return `{"t":"delta","turn":${textJson(turn)},"text":${textJson(text)},"tokens":${tokens},"pos":${pos}}`;
}
