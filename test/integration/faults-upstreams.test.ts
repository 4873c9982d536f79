import { expect, onTestFinished, test } from 'vitest';
import type { Gateway, GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { tokensForModel } from '../../src/gateway/model-tokens.ts';
import { checkContiguous, textOf } from '../support/assembled-text.ts';
import { printVerdictLine } from '../support/print-verdict.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Store } from '../../src/store/contract.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { checkRows } from '../support/check-ledger.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import type { Plan, StreamFault } from '../support/upstream-double/plan.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../support/upstream-double/token-text.ts';

/*
 * Faults 21 to 25 through a whole gateway: two providers that say the same truth, of which the first fails in every way
 * at every phase, under every policy. A small model of the policy says which provider is called how often, and how it ends.
 */

const seed = 11;
const tokens = 24;
const timeouts = { connectMs: 2_000, firstTokenMs: 250, idleMs: 250, totalMs: 20_000 };
const policies = ['end', 'continue', 'restart'] as const;
type Policy = (typeof policies)[number];

interface Fault {
  name: string;
  plan(afterTokens: number): Plan;
  /** At once, whatever phase: the request itself is answered so. */
  isRefusal?: boolean;
  /** Worth another call: the same target first. */
  retries: boolean;
  /** Goes to the fallback. */
  falls: boolean;
  code: string;
}

const stream = (name: string, code: string, fault: (afterTokens: number) => StreamFault): Fault => ({
  name,
  code,
  retries: true,
  falls: true,
  plan: (afterTokens) => ({ kind: 'stream', seed, tokens, fault: fault(afterTokens) }),
});
const refusal = (
  status: number,
  code: string,
  retries: boolean,
  falls: boolean,
  headers?: Record<string, string>,
): Fault => ({
  name: `status ${status}${headers === undefined ? '' : ` ${JSON.stringify(headers)}`}`,
  code,
  retries,
  falls,
  isRefusal: true,
  plan: () => ({ kind: 'status', status, ...(headers === undefined ? {} : { headers }) }),
});

const faults: Fault[] = [
  stream('hangs', 'upstream_timeout', (afterTokens) => ({ kind: 'hang', afterTokens })),
  stream('comments for ever', 'upstream_timeout', (afterTokens) => ({
    kind: 'commentsForEver',
    afterTokens,
    intervalMs: 20,
  })),
  stream('empty chunks for ever', 'upstream_timeout', (afterTokens) => ({
    kind: 'emptyChunksForEver',
    afterTokens,
    intervalMs: 20,
  })),
  stream('ends without its marker', 'upstream_truncated', (afterTokens) => ({ kind: 'truncate', afterTokens })),
  stream('cut in a chunk', 'upstream_truncated', (afterTokens) => ({ kind: 'cutMidJson', afterTokens })),
  stream('reset', 'upstream_truncated', (afterTokens) => ({ kind: 'reset', afterTokens })),
  stream('malformed JSON', 'upstream_malformed', (afterTokens) => ({ kind: 'malformedJson', afterTokens })),
  stream('overloaded in the stream', 'upstream_overloaded', (afterTokens) => ({
    kind: 'errorEvent',
    afterTokens,
    error: { type: 'overloaded_error', message: 'Overloaded' },
  })),
  refusal(429, 'upstream_rate_limited', true, true, { 'retry-after': '0' }),
  refusal(429, 'upstream_rate_limited', false, true, { 'retry-after': '3600' }),
  refusal(429, 'upstream_rate_limited', true, true, { 'retry-after': '-5' }),
  refusal(500, 'upstream_error', true, true),
  refusal(529, 'upstream_overloaded', true, true),
  refusal(401, 'upstream_unauthorized', false, true),
  refusal(400, 'upstream_rejected', false, false),
  refusal(302, 'upstream_rejected', false, false, { location: 'http://169.254.169.254/' }),
];

/** What must come of it. */
function expectation(fault: Fault, afterTokens: number, policy: Policy) {
  const isShown = fault.isRefusal !== true && afterTokens > 0;
  const goesOn = !isShown || policy !== 'end';
  const first = fault.retries && goesOn ? 2 : 1;
  const second = fault.falls && goesOn ? 1 : 0;
  return {
    first,
    second,
    status: second > 0 ? 'completed' : 'failed',
    restarts: isShown && policy === 'restart' ? first : 0,
  };
}

async function startScene(
  policy: Policy,
): Promise<{ gateway: Gateway; store: Store; one: UpstreamDouble; two: UpstreamDouble }> {
  const [one, two] = [await startUpstreamDouble(), await startUpstreamDouble()];
  onTestFinished(async () => {
    await Promise.all([one.close(), two.close()]);
  });
  const upstream = (name: string, baseUrl: string) => ({
    name,
    wire: 'openai-chat' as const,
    baseUrl,
    defaultModel: 'gpt-4o',
    timeouts,
    assistantPrefix: 'trailing' as const,
  });
  const options: GatewayOptions = {
    upstreams: [upstream('one', one.url), upstream('two', two.url)],
    routes: [
      {
        name: 'all',
        model: 'one',
        fallback: ['two'],
        retry: { attempts: 1, minMs: 1, maxMs: 5 },
        onBreak: policy,
      },
    ],
    quotas: { tenant: { costUsdPerMonth: 1_000, outputTokensPerDay: 1_000_000 }, estimateTokens: 8 },
  };
  const store = openEmbeddedStore({ directory: temporaryDirectory() });
  return { gateway: await startTestGateway({ ...options, store }), store, one, two };
}

const budget = { name: 'tenant:/costUsdPerMonth', unit: 'cost', max: 1e12, window: 'month' } as const;
const trials = process.env.PARLEY_LONG ? 400 : 60;
const seedOfRun = Number(process.env.PARLEY_SEED ?? 20_261_121);

test.each(policies)('when an answer breaks: %s', { timeout: 900_000 }, async (policy) => {
  const random = seededRandom(seedOfRun + policies.indexOf(policy));
  const kinds = Array.from({ length: Math.max(trials, faults.length * 2) }, (_, i) => ({
    fault: faults[i % faults.length]!,
    // the first round before the first token, the second behind some, then at random
    afterTokens: i < faults.length ? 0 : i < 2 * faults.length ? 5 : Math.floor(random() * tokens),
  }));
  const ends: Record<string, number> = {};
  // a breaker opens after some of them, so each scene has its own few
  for (let at = 0; at < kinds.length; at += 2) {
    const { gateway, store, one, two } = await startScene(policy);
    two.setPlan({ kind: 'stream', seed, tokens });
    const client = await RawClient.connect(gateway.url);
    for (const [i, { fault, afterTokens }] of kinds.slice(at, at + 2).entries()) {
      const about = `seed ${seedOfRun}, ${policy}, ${fault.name} after ${afterTokens}`;
      one.setPlan(fault.plan(afterTokens));
      const before = [one.requests.length, two.requests.length];
      await client.attach({ ref: i, s: i, create: {} });
      const turn = newTurnId();
      client.send({ t: 'turn', s: i, id: turn, input: 'Say it.' });
      const ended = await client.next('turn.ended', (frame) => frame.turn === turn);
      const expected = expectation(fault, afterTokens, policy);
      const truth = answerText(seed, turn, tokens);
      const text = textOf(client.frames, turn);
      ends[ended.status] = (ends[ended.status] ?? 0) + 1;
      expect(ended.status, about).toBe(expected.status);
      expect([one.requests.length - before[0]!, two.requests.length - before[1]!], about).toEqual([
        expected.first,
        expected.second,
      ]);
      expect(text, about).toBe(expected.status === 'completed' ? truth : truth.slice(0, text.length));
      if (expected.status === 'failed') {
        expect(ended.reason, about).toBe(fault.code);
        expect(text, about).toBe(fault.isRefusal === true ? '' : answerText(seed, turn, afterTokens));
      }
      const own = client.frames.filter((frame) => 'turn' in frame && frame.turn === turn);
      expect(
        own.filter((frame) => frame.t === 'turn.ended'),
        about,
      ).toHaveLength(1);
      expect(
        own.filter((frame) => frame.t === 'turn.restarted'),
        about,
      ).toHaveLength(expected.restarts);
      checkContiguous(client.frames, i, 0);
      const { rows } = await store.accounts.readLedger('default', { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 999 });
      const paid = rows.filter((row) => row.turn === turn);
      checkRows(ended, paid, about);
      // one row for each call, also for those that cost nothing
      expect(paid, about).toHaveLength(expected.first + expected.second);
      const [held] = await store.accounts.readMeters('default', [budget]);
      expect(held, about).toEqual({ used: rows.reduce((sum, row) => sum + row.costNanoUsd!, 0), held: 0 });
      checkCharge(one, two, before, turn, ended.usage.output, about);
    }
    await client.close();
    await gateway.close();
  }
  printVerdictLine(`faults 21 to 25, ${policy}`, seedOfRun, { turns: kinds.length, ends });
});

/** What is paid for is what the providers said for this turn: everything that was read, and nothing twice. */
function checkCharge(
  one: UpstreamDouble,
  two: UpstreamDouble,
  before: number[],
  turn: string,
  output: number,
  about: string,
): void {
  const requests = [...one.requests.slice(before[0]), ...two.requests.slice(before[1])];
  const { count } = tokensForModel('gpt-4o');
  let most = 0;
  for (const request of requests) {
    const last = request.body.messages?.at(-1);
    const said = last?.role === 'assistant' && typeof last.content === 'string' ? last.content.length : 0;
    const all = answerText(seed, turn, tokens);
    // the tokens that it wrote, behind what it was given
    const begun = all.slice(0, said);
    const startIndex =
      begun === ''
        ? 0
        : Array.from({ length: tokens + 1 }, (_, n) => n).find((n) => answerText(seed, turn, n).length >= said)!;
    const wrote = answerText(seed, turn, startIndex + request.tokensWritten).slice(said);
    // a completed call is paid for by the double’s own count of tokens
    most += Math.max(count(wrote) + 2, request.tokensWritten);
  }
  expect(output, about).toBeLessThanOrEqual(most);
  const last = requests.at(-1)!;
  expect(output, about).toBeGreaterThanOrEqual(last.closedByClient ? 0 : last.tokensWritten > 0 ? 1 : 0);
}
