import { expect, test } from 'vitest';
import type { DownFrame } from '../../protocol/down.ts';
import type { UpFrame } from '../../protocol/up.ts';
import type { RawClient } from '../support/raw-client.ts';
import { connectWith } from '../support/say-hello.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

const practice = { name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 } as const;
const keys = {
  owner: { name: 'owner', key: 'the key of the owner of it', tenant: 'acme', roles: ['owner'] },
  other: { name: 'other', key: 'the key of another tenant', tenant: 'umbra', roles: ['owner'] },
  bound: {
    name: 'bound',
    key: 'the key that is bound to some',
    tenant: 'acme',
    roles: ['owner'],
    sessions: ['mine-*'],
  },
};

/** What one learns of a session that is not there, or not one's own. */
async function probe(client: RawClient, session: string): Promise<DownFrame[]> {
  client.restart();
  const turn = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const frames: UpFrame[] = [
    { t: 'attach', ref: 1, s: 1, session },
    { t: 'attach', ref: 2, s: 1, session, epoch: 'x', after: 3 },
    { t: 'turn', ref: 3, s: 1, id: turn, input: 'hello' },
    { t: 'cancel', ref: 4, s: 1, turn },
    { t: 'tool.result', ref: 5, s: 1, turn, call: 'c', output: 1 },
    { t: 'history', ref: 6, s: 1 },
    { t: 'window', ref: 7, s: 1, turn },
    { t: 'pin', ref: 8, s: 1, turn, pinned: true },
    { t: 'update', ref: 9, s: 1, settings: { system: 'x' } },
    { t: 'delete', ref: 10, s: 1 },
  ];
  client.send(...frames);
  await expect.poll(() => client.frames.length).toBe(frames.length);
  return client.frames.slice();
}

test('a session of another tenant, or one that may not be seen, looks like one that does not exist', async () => {
  const gateway = await startTestGateway({ upstreams: [practice], auth: { keys: Object.values(keys) } });
  const owner = await connectWith(gateway.url, { key: keys.owner.key });
  await owner.attach({ ref: 1, s: 1, session: 'secret-plans', create: {} });
  owner.send({ t: 'turn', s: 1, id: newTurnId(), input: 'hello' });
  await owner.next('turn.ended');

  for (const { key } of [keys.other, keys.bound]) {
    const client = await connectWith(gateway.url, { key });
    const foreign = await probe(client, 'secret-plans');
    const unknown = await probe(client, 'no-such-session');
    expect(foreign).toEqual(unknown);
    expect(foreign.map((frame) => frame.t === 'error' && frame.code)).toEqual([
      'session_not_found',
      'session_not_found',
      ...Array.from({ length: 8 }, () => 'alias_unknown'),
    ]);
  }
  // it is as it was
  owner.send({ t: 'history', ref: 2, s: 1 });
  expect((await owner.next('history')).turns).toHaveLength(1);
});

test('one that is bound to some ids can make those alone, and an unnamed one gets such an id', async () => {
  const gateway = await startTestGateway({ upstreams: [practice], auth: { keys: Object.values(keys) } });
  const owner = await connectWith(gateway.url, { key: keys.owner.key });
  await owner.attach({ ref: 1, s: 1, session: 'theirs', create: {} });
  const bound = await connectWith(gateway.url, { key: keys.bound.key });
  for (const session of ['theirs', 'not-there']) {
    bound.send({ t: 'attach', ref: 1, s: 1, session, create: {} });
    expect(await bound.next('error')).toMatchObject({ code: 'session_not_found' });
  }
  await bound.attach({ ref: 2, s: 1, session: 'mine-1', create: {} });
  expect((await bound.attach({ ref: 3, s: 2, create: {} })).session).toMatch(/^mine-/);
});

test('the subject stands in patterns of sessions, and is never a pattern itself', async () => {
  const gateway = await startTestGateway({ upstreams: [practice], auth: { anonymous: false } });
  const keyOf = async (subject: string): Promise<string> =>
    (await gateway.keys.create('operator', { name: 'k', subject, sessions: ['{subject}-*'] })).secret;
  const alice = await connectWith(gateway.url, { key: await keyOf('alice') });
  await alice.attach({ ref: 1, s: 1, session: 'alice-1', create: {} });
  for (const subject of ['*', 'bob', 'al*', 'alice-1 ', 'a.ice'].filter((name) => !name.includes(' '))) {
    const other = await connectWith(gateway.url, { key: await keyOf(subject) });
    other.send({ t: 'attach', ref: 1, s: 1, session: 'alice-1' });
    expect(await other.next('error'), subject).toMatchObject({ code: 'session_not_found' });
  }
});
