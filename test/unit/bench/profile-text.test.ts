import { expect, test } from 'vitest';
import { partOf, profileText } from '../../../bench/report/profile-text.ts';

const frames = [
  ['(idle)', ''],
  ['old', 'file:///x/src/y/dist/src/lib/clock.js'],
  ['send', 'file:///x/dist/src/transport/uws-transport.js'],
  ['pack', 'file:///x/node_modules/lmdb/node_modules/msgpackr/pack.js'],
  ['(garbage collector)', ''],
  ['writev', ''],
] as const;
const nodes = frames.map(([functionName, url], id) => ({ id, callFrame: { functionName, url } }));
const profile = { nodes, startTime: 1_000, samples: [1, 0, 2, 3, 4, 5, 1], timeDeltas: [40, 100, 50, 30, 15, 5, 10] };

test('how busy a process was, by room or package and by function', () => {
  expect(profileText(partOf(profile, 1_040, 1_240))).toBe(
    'The profile shows it busy for 50 % of the time, and of that: src/transport 50 %, msgpackr 30 %, garbage collection 15 %, native code and system calls 5.0 %; ' +
      'of single functions send (src/transport) 50 %, pack (msgpackr) 30 %, writev (native code and system calls) 5.0 %.',
  );
});

test('a part holds what was sampled in it, and of the sample that it begins in what is left', () => {
  expect(partOf(profile, 1_100, 1_220)).toMatchObject({ samples: [0, 2, 3], timeDeltas: [40, 50, 30] });
});

test('parts are added up', () => {
  const text = profileText(partOf(profile, 1_000, 1_040), partOf(profile, 1_140, 1_190));
  expect(text).toContain('busy for 100 % of the time, and of that: src/transport 56 %, src/lib 44 %;');
});

test('a process that did nothing', () => {
  expect(profileText({ nodes: [], startTime: 0, samples: [], timeDeltas: [] })).toBe('The profile shows nothing.');
});
