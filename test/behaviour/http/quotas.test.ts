import { describe, expect, test } from 'vitest';
import { call } from '../../support/http-call.ts';
import { RawClient } from '../../support/raw-client.ts';
import { newTurnId, startTestGateway } from '../../support/test-gateway.ts';

const practice = { name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 } as const;
const keyOf = (name: string): string => `a-key-of-twenty-letters-${name}`;
const withKey = (name: string) => ({ authorization: `Bearer ${keyOf(name)}` });

describe('limits of requests over HTTP', () => {
  test('are those of the tier, or of the key where that is less, for each key by itself', async () => {
    const { url } = await startTestGateway({
      auth: {
        keys: [
          { name: 'plain', key: keyOf('plain'), subject: 'ann' },
          { name: 'free', key: keyOf('free'), subject: 'bob', tier: 'free' },
          { name: 'less', key: keyOf('less'), subject: 'cid', tier: 'free', limits: { requestsPerMinute: 1 } },
          { name: 'more', key: keyOf('more'), subject: 'dan', tier: 'free', limits: { requestsPerMinute: 50 } },
        ],
      },
      quotas: { user: { requestsPerMinute: 5 }, tiers: { free: { user: { requestsPerMinute: 2 } } } },
    });
    const answered = async (name: string) => {
      const statuses: number[] = [];
      for (let i = 0; i < 7; i++) {
        const answer = await call(url, '/v1/models', { headers: withKey(name) });
        statuses.push(answer.status);
        if (answer.status !== 429) continue;
        expect(answer.body).toMatchObject({ code: 'rate_limited' });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      return statuses.filter((status) => status === 200).length;
    };
    expect(await answered('plain')).toBe(5);
    expect(await answered('free')).toBe(2);
    expect(await answered('less')).toBe(1);
    expect(await answered('more')).toBe(2);
  });

  test('of one address hold for all of its keys together', async () => {
    const { url } = await startTestGateway({
      auth: { keys: ['a', 'b'].map((name) => ({ name, key: keyOf(name) })) },
      http: { requestsPerMinute: 3 },
    });
    const statuses: number[] = [];
    for (const name of ['a', 'b', 'a', 'b'])
      statuses.push((await call(url, '/v1/models', { headers: withKey(name) })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });
});

test('sessions outside the patterns of a key are not there, whatever is asked of them', async () => {
  const { url } = await startTestGateway({
    upstreams: [practice],
    auth: {
      keys: [
        { name: 'all', key: keyOf('all'), roles: ['owner'] },
        { name: 'some', key: keyOf('some'), roles: ['owner'], sessions: ['some-*'] },
      ],
    },
  });
  const client = await RawClient.connect(url, { headers: withKey('all') });
  for (const [s, session] of ['some-1', 'other'].entries()) {
    await client.attach({ ref: s, s, session, create: {} });
    client.send({ t: 'turn', s, id: newTurnId(), input: '/echo hi' });
    await client.next('turn.ended', (frame) => frame.s === s);
  }
  await client.close();
  const ask = (path: string, method = 'GET') => call(url, path, { method, headers: withKey('some') });
  const { body } = await ask('/v1/sessions');
  expect(body.data.map(({ session }: { session: string }) => session)).toEqual(['some-1']);
  for (const [method, rest] of [
    ['GET', ''],
    ['GET', '/turns'],
    ['GET', '/export'],
    ['DELETE', ''],
  ] as const) {
    const { requestId: _first, instance: _one, ...foreign } = (await ask(`/v1/sessions/other${rest}`, method)).body;
    const { requestId: _second, instance: _two, ...unknown } = (await ask(`/v1/sessions/nowhere${rest}`, method)).body;
    expect(foreign).toMatchObject({ status: 404, code: 'session_not_found' });
    expect(foreign).toEqual(unknown);
    expect((await ask(`/v1/sessions/some-1${rest}`, method)).status).toBe(200);
  }
  expect((await call(url, '/v1/sessions/other', { headers: withKey('all') })).status).toBe(200);
});
