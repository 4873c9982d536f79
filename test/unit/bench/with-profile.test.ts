import { expect, test } from 'vitest';
import { withProfile } from '../../../bench/with-profile.ts';
import { sampleRow } from './sample-result.ts';

const goal = { text: '≤ 4 µs', limit: 4 };
const reached = sampleRow({ parley: 3 }, goal);
const missed = sampleRow({ parley: 3, 'parley-redis': 5 }, goal);
const take = async ({ of }: { of: string }) => `of ${of}`;
const profiles = async (...args: Parameters<typeof withProfile>) =>
  (await withProfile(...args)).map(({ profile }) => profile);

test('the first row that was missed has a profile of who missed it, the others say where it is', async () => {
  const second = { ...sampleRow({ parley: 9 }, goal), measure: 'another' };
  expect(await profiles([reached, missed, second, reached], () => {}, take)).toEqual([
    undefined,
    '<parley-redis>. of parley-redis',
    'A profile is with “CPU per streamed token”.',
    undefined,
  ]);
});

test('nothing is profiled where every goal is reached, or cannot be told', async () => {
  const never = () => Promise.reject(new Error('not wanted'));
  const log = () => expect.unreachable();
  expect(await profiles([reached, sampleRow({ parley: undefined }, goal)], log, never)).toEqual([undefined, undefined]);
});

test('a profile that fails says so and costs nothing else', async () => {
  const fails = () => Promise.reject(new Error('it broke'));
  expect(await profiles([missed], () => {}, fails)).toEqual(['<parley-redis>. No profile: it broke']);
});
