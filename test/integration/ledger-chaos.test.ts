import { expect, onTestFinished, test } from 'vitest';
import type { ErrorFrame } from '../../protocol/frames/connection.ts';
import type { TurnEnded } from '../../protocol/frames/turn.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { tokensForModel } from '../../src/gateway/model-tokens.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { textOf } from '../support/assembled-text.ts';
import { checkRows } from '../support/check-ledger.ts';
import { until } from '../support/persistent-client.ts';
import { printVerdictLine } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../support/upstream-double/token-text.ts';

/*
 * Turns that are cancelled, cut by their own limits, by their budget and by deadlines at any token, many at once: the sum of the
 * ledger is the sum of the ends, and both are what the provider wrote up to the cut.
 */

const seed = Number(process.env.PARLEY_SEED ?? 3);
const tokens = 40;
const rounds = process.env.PARLEY_LONG ? 40 : 6;
const atOnce = 12;
const price = { input: 1, output: 10 };

type Limits = Extract<UpFrame, { t: 'turn' }>['limits'];

test('what is paid for is what was said up to the cut', { timeout: 300_000 }, async () => {
  const random = seededRandom(seed);
  const double = await startUpstreamDouble({ plan: { kind: 'stream', seed, tokens, intervalMs: 4 } });
  onTestFinished(() => double.close());
  const store = openEmbeddedStore({ directory: temporaryDirectory() });
  const gateway = await startTestGateway({
    store,
    upstreams: [{ name: 'double', wire: 'openai-chat', baseUrl: double.url, defaultModel: 'gpt-4o' }],
    catalogue: { models: [{ model: 'gpt-4o', price }] },
    quotas: { tenant: { costUsdPerMonth: 1, outputTokensPerDay: 1e6 }, estimateTokens: 10 },
  });
  const client = await RawClient.connect(gateway.url);
  const { count } = tokensForModel('gpt-4o');
  const ends: Record<string, number> = {};
  for (let s = 0; s < atOnce; s++) await client.attach({ ref: s, s, create: {} });
  for (let round = 0; round < rounds; round++) {
    const turns = Array.from({ length: atOnce }, (_, s) => ({ s, id: newTurnId(), way: Math.floor(random() * 5) }));
    for (const { s, id, way } of turns) {
      const bound = 1 + Math.floor(random() * 90);
      const limits: Limits =
        way === 1
          ? { maxOutputTokens: bound }
          : way === 2
            ? { maxCostUsd: (12 + bound * price.output) / 1e6 }
            : undefined;
      client.send({ t: 'turn', s, id, input: 'go', limits, deadlineMs: way === 3 ? 20 + bound : undefined });
      if (way === 4) setTimeout(() => client.send({ t: 'cancel', s, turn: id }), Math.floor(random() * 200));
    }
    for (const { id, way } of turns) {
      const answerOf = () =>
        client.frames.find((frame) => (frame.t === 'turn.ended' || frame.t === 'error') && frame.turn === id);
      await until(() => answerOf() !== undefined);
      const end = answerOf() as TurnEnded | ErrorFrame;
      if (end.t === 'error') {
        // its session has grown beyond what it may cost
        expect([way, end.code]).toEqual([2, 'budget_exceeded']);
        continue;
      }
      const about = `seed ${seed}, round ${round}, way ${way}, ${end.status} ${end.reason}`;
      const { rows } = await store.accounts.readLedger('default', {
        from: 0,
        to: Number.MAX_SAFE_INTEGER,
        limit: 9_999,
      });
      const own = rows.filter((row) => row.turn === id);
      checkRows(end, own, about);
      const text = textOf(client.frames, id);
      expect(answerText(seed, id, tokens).startsWith(text), about).toBe(true);
      if (own.length === 0) expect(text, about).toBe('');
      // the provider's own figure where it said everything, else every token that was handed on
      else if (end.status === 'completed') expect(end.usage.output, about).toBe(tokens);
      else expect(end.usage.output, about).toBe(count(text));
      ends[`${end.status} ${end.reason ?? ''}`] = (ends[`${end.status} ${end.reason ?? ''}`] ?? 0) + 1;
    }
  }
  const meter = { name: 'tenant:/costUsdPerMonth', unit: 'cost', max: 1e9, window: 'month' } as const;
  const { rows } = await store.accounts.readLedger('default', { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 9_999 });
  expect(await store.accounts.readMeters('default', [meter])).toEqual([
    { used: rows.reduce((sum, row) => sum + row.costNanoUsd!, 0), held: 0 },
  ]);
  await client.close();
  printVerdictLine('the ledger', seed, { turns: rounds * atOnce, rows: rows.length, ends });
});
