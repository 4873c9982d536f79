import { expect, test } from 'vitest';
import type { DownFrame, EventFrame } from '../../../protocol/index.ts';
import { AttachmentCheck } from '../../../src/load/attachment-check.ts';
import { answerText } from '../../../src/practice-server/answer-tokens.ts';

const turn = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const usage = (output: number) => ({ input: 1, output, reasoning: 0, cached: 0, source: 'provider' as const });
const accepted = (pos: number): EventFrame => ({ t: 'turn.accepted', s: 0, pos, turn, input: 'x', at: 1 });
const delta = (pos: number, text: string, tokens: number): EventFrame => ({
  t: 'delta',
  s: 0,
  pos,
  turn,
  text,
  tokens,
});
const ended = (pos: number, output: number, status: 'completed' | 'cancelled' = 'completed'): EventFrame => ({
  t: 'turn.ended',
  s: 0,
  pos,
  turn,
  status,
  usage: usage(output),
  timing: { queuedMs: 0, totalMs: 1 },
});
const attached = (from: number, outcome: 'new' | 'resumed' | 'snapshot'): Extract<DownFrame, { t: 'attached' }> => ({
  t: 'attached',
  ref: 1,
  s: 0,
  session: 'a',
  epoch: 'e',
  outcome,
  from,
  head: from,
  settings: {},
});

function violationsOf(events: readonly EventFrame[], between?: (check: AttachmentCheck) => void): string[] {
  const found: string[] = [];
  const check = new AttachmentCheck((name) => found.push(name), 1);
  check.attached(attached(0, 'new'));
  for (const [index, event] of events.entries()) {
    if (index === 2) between?.(check);
    check.event(event);
  }
  return found;
}

const text = answerText(1, turn, 5);
const half = answerText(1, turn, 2);

test('a turn as it should be, whole or cancelled in its middle', () => {
  expect(violationsOf([accepted(0), delta(1, text, 5), ended(1 + text.length, 5)])).toEqual([]);
  expect(violationsOf([accepted(0), delta(1, half, 2), ended(1 + half.length, 2, 'cancelled')])).toEqual([]);
});

test.each<[string, EventFrame[]]>([
  ['position_gap', [accepted(0), delta(2, text, 5), ended(2 + text.length, 5)]],
  ['position_repeat', [accepted(0), delta(1, text, 5), ended(text.length, 5)]],
  ['wrong_text', [accepted(0), delta(1, `${text}x`, 5), ended(2 + text.length, 5)]],
  ['wrong_text', [accepted(0), delta(1, half, 2), ended(1 + half.length, 5)]],
  ['ended_twice', [accepted(0), delta(1, text, 5), ended(1 + text.length, 5), ended(2 + text.length, 5)]],
  ['delta_after_end', [accepted(0), delta(1, text, 5), ended(1 + text.length, 5), delta(2 + text.length, 'x', 6)]],
  ['delta_of_unknown_turn', [delta(0, text, 5)]],
])('%s is seen', (name, events) => {
  expect(violationsOf(events)).toEqual([name]);
});

test('no delta follows the answer to a cancel, but on another socket', () => {
  const events = [accepted(0), delta(1, half, 2), delta(1 + half.length, text.slice(half.length), 5)];
  expect(violationsOf(events, (check) => check.cancelling(turn))).toEqual(['delta_after_cancelling']);
  const resumed = (check: AttachmentCheck): void => {
    check.cancelling(turn);
    check.attached(attached(1 + half.length, 'resumed'));
  };
  expect(violationsOf(events, resumed)).toEqual([]);
});

test('a resume goes on where the client was; a snapshot begins anew', () => {
  const found: string[] = [];
  const check = new AttachmentCheck((name) => found.push(name), undefined);
  check.attached(attached(0, 'new'));
  check.event(accepted(0));
  check.attached(attached(5, 'resumed'));
  expect(found).toEqual(['resumed_elsewhere']);
  check.attached(attached(40, 'snapshot'));
  check.event(accepted(40));
  expect(found.length).toBe(1);
});
