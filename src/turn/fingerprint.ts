import { createHash } from 'node:crypto';
import type { TurnFrame } from '../../protocol/frames/turn.ts';

/** What makes two `turn` frames of one id the same request; 128 bits of SHA-256, base64url. */
export function fingerprintOf(
  frame: Pick<TurnFrame, 'input' | 'route' | 'model' | 'params' | 'tools' | 'metadata'>,
): string {
  const { input, route, model, params, tools, metadata } = frame;
  const facts = [input, route, model, sorted(params), tools?.map(sorted)];
  const text = JSON.stringify(metadata === undefined ? facts : [...facts, sorted(metadata)]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** Keys in one order, so that the order in which a client wrote them does not matter. */
function sorted(value: object | undefined): unknown {
  return value === undefined ? undefined : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
