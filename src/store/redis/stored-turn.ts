import type { TurnStatus } from '../../../protocol/frames/common.ts';
import type { StoredTurn, TurnRecord } from '../contract.ts';

/** Reads a turn as claim.lua and end.lua write it. */
export function parseStoredTurn(text: string): StoredTurn {
  const first = text.indexOf('\n');
  const second = text.indexOf('\n', first + 1);
  const fingerprint = text.slice(0, first);
  const detail = text.slice(first + 2, second);
  const rest = text.slice(second + 1);
  if (text[first + 1] === 'F')
    return { state: 'finished', fingerprint, status: detail as TurnStatus, end: Number(rest) };
  const record = JSON.parse(rest) as TurnRecord;
  if (detail !== '') record.pos = Number(detail);
  if (text[first + 1] === 'T') record.tombstoned = true;
  return { state: 'unfinished', record };
}
