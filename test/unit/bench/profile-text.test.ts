import { expect, test } from 'vitest';
import { profileText } from '../../../bench/report/profile-text.ts';

const frames = [
  ['(idle)', ''],
  ['old', 'file:///x/dist/src/lib/clock.js'],
  ['send', 'file:///x/dist/src/transport/uws-transport.js'],
  ['pack', 'file:///x/node_modules/lmdb/node_modules/msgpackr/pack.js'],
  ['(garbage collector)', ''],
  ['writev', ''],
] as const;

test('the second half of a profile by room or package and by function, idle time left out', () => {
  const nodes = frames.map(([functionName, url], id) => ({ id, callFrame: { functionName, url } }));
  const samples = [1, 1, 1, 1, 1, 0, 2, 3, 4, 5];
  const timeDeltas = [9, 9, 9, 9, 9, 100, 50, 30, 15, 5];
  expect(profileText({ nodes, samples, timeDeltas })).toBe(
    'The profile shows: src/transport 50 %, msgpackr 30 %, garbage collection 15 %, native code and system calls 5.0 %; ' +
      'of single functions send (src/transport) 50 %, pack (msgpackr) 30 %, writev (native code and system calls) 5.0 %.',
  );
});

test('a process that did nothing', () => {
  expect(profileText({ nodes: [], samples: [], timeDeltas: [] })).toBe('The profile shows nothing.');
});
