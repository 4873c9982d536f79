import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkContiguous, textOf, transcript } from '../support/assembled-text.ts';
import { until } from '../support/persistent-client.ts';
import { printVerdictLine } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { tellTruth, truthOf } from '../support/truth.ts';

const isLong = process.env.PARLEY_LONG !== undefined;
const base = Number(process.env.PARLEY_SEED ?? 1);
const trials = isLong ? 2_000 : 60;
const together = 20;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

const endOf = (client: RawClient, turn: string) => client.all('turn.ended').find((end) => end.turn === turn);

/**
 * What two nodes cannot do: the node that runs the turn is told of it, and asked to end it, by two others at once, and each of
 * these hears from it what the other did.
 */
test(`${trials} seeded trials on three nodes: one turn sent to all at once, cancelled by two as it ends`, {
  timeout: isLong ? 600_000 : 60_000,
}, async () => {
  const upstream = createScriptedUpstream(tellTruth(1));
  const options = { upstreamObjects: [upstream], redisPrefix: `n${process.pid}`, store: redis.url };
  const gateways = await Promise.all([0, 1, 2].map(() => startTestGateway(options)));
  const ends: Record<string, number> = {};

  async function runTrial(seed: number): Promise<void> {
    const random = seededRandom(seed);
    const session = `three-${seed}`;
    const clients = await Promise.all(gateways.map(({ url }) => RawClient.connect(url)));
    for (const client of clients) await client.attach({ ref: 1, s: 0, session, create: {} });
    const id = newTurnId();
    const cancels = clients.filter(() => random() < 0.6);
    // mostly close to the end of the answer
    const heard = truthOf(id).length * (1 - random() ** 4);
    for (const client of clients) client.send({ t: 'turn', ref: 2, s: 0, id, input: 'go' });
    await until(() => clients.some((client) => textOf(client.frames, id).length >= heard));
    for (const client of cancels) client.send({ t: 'cancel', ref: 3, s: 0, turn: id });
    for (const client of clients) await until(() => endOf(client, id));
    for (const client of cancels) await until(() => client.all('cancelling').length > 0);
    const [first] = clients as [RawClient, ...RawClient[]];
    const status = endOf(first, id)!.status;
    ends[status] = (ends[status] ?? 0) + 1;
    expect(status === 'completed' || cancels.length > 0, `${seed}: ${status}`).toBe(true);
    const text = textOf(first.frames, id);
    expect(text).toBe(truthOf(id).slice(0, status === 'completed' ? undefined : text.length));
    for (const client of clients) {
      expect(client.all('error'), String(seed)).toEqual([]);
      expect(client.all('turn.ended')).toHaveLength(1);
      checkContiguous(client.frames, 0, 0);
      expect(transcript(client.frames, 0), String(seed)).toEqual(transcript(first.frames, 0));
    }
    const answers = cancels.map((client) => client.all('cancelling')[0]!.upstream);
    if (status === 'completed') expect(answers.filter((answer) => answer !== 'ended')).toEqual([]);
    // one of them did it, the others came when it was over
    else expect(answers.filter((answer) => answer !== 'ended')).toHaveLength(1);
    expect(upstream.calls.filter(({ request }) => request.turn === id).length).toBeLessThanOrEqual(1);
    for (const client of clients) await client.close();
  }

  for (let seed = base; seed < base + trials; seed += together)
    await Promise.all(Array.from({ length: together }, (_, i) => runTrial(seed + i)));
  printVerdictLine('three nodes', base, { trials, ends });
  await until(() => gateways.every(({ stats }) => stats().turns === 0));
});
