import { UpstreamError } from './contract.ts';
import { isObject } from './json-fields.ts';

/**
 * The JSON object in one server-sent event.
 *
 * @param atEnd the body ended inside the event, so that unreadable JSON is a cut one
 * @throws UpstreamError upstream_truncated or upstream_malformed
 */
export function parseEvent(data: string, atEnd: boolean): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data);
    if (isObject(value)) return value;
  } catch {
    // The parser quotes its input in its message; that must not reach a client, so the cause is not kept.
    if (atEnd) throw truncated();
  }
  throw new UpstreamError('upstream_malformed', 'The provider sent a chunk that is not a JSON object.');
}

/** @throws UpstreamError upstream_malformed */
export function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UpstreamError('upstream_malformed', 'The provider sent a document that is not valid JSON.');
  }
}

export function notAnAnswer(): UpstreamError {
  return new UpstreamError('upstream_malformed', 'The provider sent a document that is not an answer.');
}

export function truncated(): UpstreamError {
  return new UpstreamError('upstream_truncated', 'The stream of the provider ended without its terminal marker.');
}
