import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TurnEnded } from '../../protocol/frames/turn.ts';
import { createRedisKeys } from '../../src/store/redis/keys.ts';
import { checkRedisLedger } from '../support/check-ledger.ts';
import { startFleet } from '../support/node-fleet.ts';
import { until } from '../support/persistent-client.ts';
import { printVerdictLine } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

/*
 * Fault 34: 200 turns at once on a budget for 10, spread over three nodes, with and without a kill -9 while they stream. What was
 * spent stays within the budget, every end says what the ledger says, and nothing is reserved afterwards.
 */

const seed = Number(process.env.PARLEY_SEED ?? 1);
const turns = 200;
const tokens = 60;
/** The double counts other tokens than the gateway: room for what an answer may come to by either. */
const maxOutputTokens = 400;
/** gpt-4o as the test says: a millionth of a dollar for each token of input, ten for each of output. */
const price = { input: 1, output: 10 };
/** What ten turns reserve: their input and their longest answer. */
const budgetUsd = (10.5 * (20 * price.input + maxOutputTokens * price.output)) / 1e6;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

test.each([false, true])('a budget for ten holds on three nodes; kill -9: %s', { timeout: 120_000 }, async (kills) => {
  const fleet = await startFleet({
    redis,
    seed,
    tokens,
    intervalMs: 40,
    config: {
      catalogue: { models: [{ model: 'gpt-4o', price }] },
      quotas: { tenant: { costUsdPerMonth: budgetUsd, concurrentTurns: 1_000 }, leaseMs: 2_000 },
    },
  });
  const clients = await Promise.all(fleet.nodes.map(({ url }) => RawClient.connect(url)));
  const ids = Array.from({ length: turns }, () => fleet.newTurnId());
  const clientOf = (i: number): RawClient => clients[i % clients.length]!;
  await Promise.all(
    ids.map(async (_id, i) => {
      clientOf(i).send({ t: 'attach', ref: i, s: i, session: `s${i}`, create: {} });
      await clientOf(i).next('attached', (frame) => frame.s === i);
    }),
  );
  for (const [i, id] of ids.entries())
    clientOf(i).send({ t: 'turn', s: i, id, input: 'go', limits: { maxOutputTokens } });
  const answerOf = (id: string, i: number) =>
    clientOf(i).frames.find(
      (frame) => 'turn' in frame && frame.turn === id && ['error', 'turn.accepted'].includes(frame.t),
    );
  await until(() => ids.every((id, i) => answerOf(id, i) !== undefined));
  const accepted = ids.filter((id, i) => answerOf(id, i)!.t === 'turn.accepted');
  for (const [i, id] of ids.entries()) {
    const answer = answerOf(id, i)!;
    if (answer.t === 'error') expect(answer.code).toBe('budget_exceeded');
  }
  // ten in full, and one with what is left
  expect(accepted.length).toBeGreaterThanOrEqual(10);
  expect(accepted.length).toBeLessThanOrEqual(11);
  if (kills) {
    // one that runs some of them, in the middle of an answer
    const at = ids.indexOf(accepted[0]!) % clients.length;
    await until(() => clients[at]!.frames.filter(({ t }) => t === 'delta').length > 5);
    fleet.takeOut(fleet.nodes[at]!);
    fleet.nodes[at]!.kill('SIGKILL');
  }
  const judge = await RawClient.connect(fleet.url());
  for (const id of accepted)
    judge.send({ t: 'attach', ref: ids.indexOf(id), s: ids.indexOf(id), session: `s${ids.indexOf(id)}` });
  const ends = (): TurnEnded[] => judge.frames.filter((frame) => frame.t === 'turn.ended');
  await until(() => ends().length === accepted.length);
  const spent = ends().reduce((sum, { costUsd = 0 }) => sum + costUsd, 0);
  expect(spent).toBeLessThanOrEqual(budgetUsd);
  await checkRedisLedger(fleet.admin, fleet.prefix, ends());
  // also what was only reserved, where its node died before the claim
  const { leases } = createRedisKeys(fleet.prefix);
  await expect.poll(() => fleet.admin.zcard(leases('default')), { timeout: 30_000 }).toBe(0);
  if (kills) expect(ends().some(({ status }) => status === 'interrupted')).toBe(true);
  const byStatus: Record<string, number> = {};
  for (const { status } of ends()) byStatus[status] = (byStatus[status] ?? 0) + 1;
  printVerdictLine(`fault 34, kill -9: ${kills}`, seed, {
    turns,
    accepted: accepted.length,
    byStatus,
    spent,
    budgetUsd,
  });
  await Promise.all([judge, ...clients].map((client) => client.close().catch(() => {})));
});
