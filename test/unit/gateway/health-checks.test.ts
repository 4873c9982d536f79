import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HealthChecks } from '../../../src/gateway/health-checks.ts';
import type { Target } from '../../../src/routing/contract.ts';
import { TargetStates } from '../../../src/routing/target-state.ts';
import { type Upstream, UpstreamError } from '../../../src/upstream/contract.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { createTestUpstream } from '../upstream/support/chat-upstream.ts';
import { ManualClock } from '../upstream/support/manual-clock.ts';
import { createWireUpstream, wireNames } from '../upstream/support/wires.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

const everyMs = 10_000;

function watch(upstream: Upstream, everyMsOf: () => number | undefined = () => everyMs) {
  const clock = new ManualClock();
  const states = new TargetStates(clock);
  const log: string[] = [];
  const note = (fields: object, message: string): void => void log.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { debug: note, info: note, warn: note, error: note };
  let told = 0;
  const counting = {
    checked: (name: string, isGood: boolean) => {
      told += 1;
      return states.checked(name, isGood);
    },
    unchecked: (name: string) => states.unchecked(name),
  };
  const checks = new HealthChecks({ clock, random: () => 0.5, logger, states: counting, everyMsOf });
  const target: Target = { key: 'test/double', upstream, model: 'double', weight: 1, priority: 0 };
  checks.watch([upstream]);
  return {
    checks,
    clock,
    states,
    log,
    state: states.of(target),
    checked: (count: number) => expect.poll(() => told).toBe(count),
  };
}

describe('a provider that falls ill and gets well', () => {
  it('gets no calls after two checks that failed, and calls again after one that went well', async () => {
    double.setPlan({ kind: 'status', status: 200, body: '{"data":[]}' });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { checks, clock, state, log, checked, states } = watch(upstream);
    await checked(1);
    expect(state.isUsable).toBe(true);
    double.setPlan({ kind: 'status', status: 503 });
    clock.advance(everyMs);
    await checked(2);
    expect([state.isUsable, log]).toEqual([true, []]);
    clock.advance(everyMs);
    await checked(3);
    clock.advance(everyMs);
    await checked(4);
    expect([state.isUsable, states.report()[0]?.healthy, log.length]).toEqual([false, false, 1]);
    expect(log[0]).toMatch(/fails its health checks.*"code":"upstream_overloaded"/);
    expect(log[0]).not.toContain('canary');
    double.setPlan({ kind: 'status', status: 404 });
    clock.advance(everyMs);
    await checked(5);
    expect([state.isUsable, log.length]).toEqual([true, 2]);
    checks.stop();
    expect(clock.pending).toBe(0);
    await upstream.close();
  });

  it('has its open breakers probed as soon as a check goes well', async () => {
    double.setPlan({ kind: 'status', status: 200 });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { checks, clock, state, checked } = watch(upstream);
    await checked(1);
    for (let call = 0; call < 5; call++) state.breaker.failed(false);
    expect(state.breaker.state).toBe('open');
    clock.advance(1);
    expect(state.breaker.state).toBe('open');
    checks.stop();
    const again = watch(upstream);
    for (let call = 0; call < 5; call++) again.state.breaker.failed(false);
    expect(again.state.breaker.state).toBe('open');
    await again.checked(1);
    expect([again.state.breaker.state, again.state.isUsable]).toEqual(['half-open', true]);
    again.checks.stop();
    await upstream.close();
  });

  it('that says nothing fails after five seconds, and its connection is closed', async () => {
    double.setPlan({ kind: 'hang' });
    const upstream = createTestUpstream({ baseUrl: double.url });
    const { checks, clock, checked, state } = watch(upstream);
    for (const check of [1, 2]) {
      const request = await double.request(check - 1);
      clock.advance(5_000);
      await checked(check);
      await request.closed;
      clock.advance(everyMs);
    }
    expect(state.isUsable).toBe(false);
    checks.stop();
    await upstream.close();
    await expect.poll(() => double.connections.open).toBe(0);
  });

  it('is taken for well when nobody checks it any more', async () => {
    double.setPlan({ kind: 'status', status: 500 });
    const upstream = createTestUpstream({ baseUrl: double.url });
    let every: number | undefined = everyMs;
    const { checks, clock, state, checked } = watch(upstream, () => every);
    await checked(1);
    clock.advance(everyMs);
    await checked(2);
    expect(state.isUsable).toBe(false);
    every = undefined;
    checks.watch([upstream]);
    expect([state.isUsable, clock.pending]).toEqual([true, 0]);
    await upstream.close();
  });
});

describe('a check', () => {
  const outcome = (upstream: Upstream): Promise<unknown> =>
    upstream.check!(new AbortController().signal).then(
      () => 'well',
      (error: unknown) => (error instanceof UpstreamError ? error.code : error),
    );

  it.each([
    [200, 'well'],
    [302, 'well'],
    [404, 'well'],
    [429, 'well'],
    [401, 'upstream_unauthorized'],
    [403, 'upstream_unauthorized'],
    [500, 'upstream_error'],
    [529, 'upstream_overloaded'],
  ])('that is answered with %i: %s', async (status, expected) => {
    double.setPlan({ kind: 'status', status });
    const upstream = createTestUpstream({ baseUrl: double.url });
    expect(await outcome(upstream)).toBe(expected);
    await upstream.close();
  });

  it.each(wireNames)('of %s asks for the models, with the key', async (wire) => {
    const upstream = createWireUpstream(wire, { baseUrl: `${double.url}?api-version=1` });
    await outcome(upstream);
    const { method, path, secretHeaders, body } = double.requests[0]!;
    expect([method, path, body]).toEqual(['GET', '/v1/models?api-version=1', {}]);
    expect(Object.values(secretHeaders).join()).toContain('sk-canary-1234567890');
    await upstream.close();
  });

  it('may ask for another path, from the root', async () => {
    const upstream = createTestUpstream({ baseUrl: `${double.url}/chat/completions`, health: { path: '/healthz' } });
    await outcome(upstream);
    const usual = createTestUpstream({ baseUrl: `${double.url}/chat/completions` });
    await outcome(usual);
    expect(double.requests.map(({ path }) => path)).toEqual(['/healthz', '/v1/models']);
    await Promise.all([upstream.close(), usual.close()]);
  });

  it('of a provider that is not there is unreachable; aborted, it timed out', async () => {
    const upstream = createTestUpstream({ baseUrl: double.url });
    await expect(upstream.check!(AbortSignal.abort())).rejects.toMatchObject({ code: 'upstream_timeout' });
    await double.close();
    expect(await outcome(upstream)).toBe('upstream_unreachable');
    await upstream.close();
    double = await startUpstreamDouble();
  });
});
