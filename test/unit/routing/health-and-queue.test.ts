import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../src/routing/breaker.ts';
import { ManualClock } from '../upstream/support/manual-clock.ts';
import { createScene, type PlayedCall, settle } from './support/scene.ts';

describe('a breaker', () => {
  const options = { failures: 3, failureRate: 0.5, window: 10, openMs: 1_000, maxOpenMs: 4_000 };

  it('opens after failures in a row, lets one probe through, and waits longer when that fails', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock, options);
    for (let i = 0; i < 3; i++) breaker.failed(breaker.begin());
    expect([breaker.state, breaker.allows]).toEqual(['open', false]);
    clock.advance(1_000);
    expect([breaker.state, breaker.allows]).toEqual(['half-open', true]);
    const isProbe = breaker.begin();
    expect([isProbe, breaker.allows]).toEqual([true, false]);
    breaker.failed(isProbe);
    clock.advance(1_999);
    expect(breaker.state).toBe('open');
    clock.advance(1);
    const second = breaker.begin();
    breaker.succeeded(second);
    expect([breaker.state, breaker.allows]).toEqual(['closed', true]);
  });

  it('gives its probe back when that is cancelled', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock, options);
    for (let i = 0; i < 3; i++) breaker.failed(false);
    clock.advance(1_000);
    breaker.unknown(breaker.begin());
    expect(breaker.allows).toBe(true);
  });

  it('never lets two calls through while it is half open, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('begin', 'good', 'bad', 'cancel', 'time'), { maxLength: 200 }), (steps) => {
        const clock = new ManualClock();
        const breaker = new Breaker(clock, options);
        const running: boolean[] = [];
        for (const step of steps) {
          if (step === 'time') clock.advance(700);
          else if (step === 'begin') {
            if (breaker.allows) running.push(breaker.begin());
          } else {
            const call = running.shift();
            if (call === undefined) continue;
            if (step === 'good') breaker.succeeded(call);
            else if (step === 'bad') breaker.failed(call);
            else breaker.unknown(call);
          }
          expect(running.filter(Boolean).length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

describe('a target that fails', () => {
  it('is left alone by the others of its group, also when it breaks in the middle of answers', () => {
    const { ask, calls, clock } = createScene(
      { models: { both: { targets: ['a', 'b'], affinity: false } }, routes: [{ name: 'r', model: 'both' }] },
      {
        play: (call) => {
          call.say('x');
          if (call.upstream === 'a') call.fail('upstream_truncated');
          else call.end();
        },
      },
    );
    for (let i = 0; i < 60; i++) ask({ session: `s${i}` });
    const before = calls.filter(({ upstream }) => upstream === 'a').length;
    expect(before).toBeGreaterThanOrEqual(5);
    expect(before).toBeLessThan(12);
    clock.advance(5_000);
    calls.length = 0;
    for (let i = 0; i < 40; i++) ask({ session: `t${i}` });
    // one probe
    expect(calls.filter(({ upstream }) => upstream === 'a')).toHaveLength(1);
  });

  it('does not take a session with it: the session goes elsewhere and stays there', () => {
    let isIll = false;
    const { ask, calls } = createScene(
      { models: { both: ['a', 'b'] }, routes: [{ name: 'r', model: 'both' }] },
      {
        play: (call) =>
          isIll && call.upstream === calls[0]!.upstream ? call.fail('upstream_error') : (call.say('x'), call.end()),
      },
    );
    for (let i = 0; i < 10; i++) ask();
    expect(new Set(calls.map(({ upstream }) => upstream)).size).toBe(1);
    isIll = true;
    calls.splice(1);
    ask();
    isIll = false;
    for (let i = 0; i < 10; i++) ask();
    const [first, ...later] = calls.slice(2).map(({ upstream }) => upstream);
    expect(later.every((upstream) => upstream === first)).toBe(true);
    expect(first).not.toBe(calls[0]!.upstream);
  });
});

describe('balancing', () => {
  it('gives more to the heavier and to the less busy target', () => {
    const rules = {
      models: { both: { targets: [{ upstream: 'a', weight: 3 }, 'b'], affinity: false } },
      routes: [{ name: 'r', model: 'both' }],
    };
    const { ask, calls } = createScene(rules, { play: () => {} });
    for (let i = 0; i < 200; i++) ask({ session: `s${i}` });
    const a = calls.filter(({ upstream }) => upstream === 'a').length;
    // they all run: the outstanding tokens are in the relation of the weights
    expect(a).toBeGreaterThan(130);
    expect(a).toBeLessThan(170);
  });

  it('uses the next priority only where the first has no room or is ill', () => {
    const rules = {
      models: { both: [{ upstream: 'a' }, { upstream: 'b', priority: 1 }] },
      routes: [{ name: 'r', model: 'both' }],
    };
    const { ask, calls } = createScene(rules, { limits: { a: { concurrency: 2 } } });
    for (let i = 0; i < 5; i++) ask({ session: `s${i}` });
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'a', 'b', 'b', 'b']);
  });
});

describe('the queue', () => {
  const rules = (priority = 0) => ({
    routes: [
      { name: 'high', match: { metadata: { p: 'high' } }, model: 'a', priority: 5 },
      { name: 'r', model: 'a', priority },
    ],
  });

  it('is fair between tenants, tells places, and lets a cancelled call go', async () => {
    const { ask, calls } = createScene(rules(), { limits: { a: { concurrency: 1 } } });
    const first = ask({ tenant: 'big' });
    const big = Array.from({ length: 4 }, () => ask({ tenant: 'big' }));
    const small = ask({ tenant: 'small' });
    expect(small.told).toEqual(['queued 0']);
    expect(big[0]!.told.at(-1)).toBe('queued 1');
    big[1]!.abort();
    expect(big[2]!.told.at(-1)).toBe('queued 2');
    expect(first.told).toEqual(['target a/model-a']);
    calls[0]!.end();
    await settle();
    expect(small.told).toEqual(['queued 0', 'target a/model-a']);
    expect(big[1]!.told.at(-1)).toBe('close');
  });

  it('puts the more important first, and lets nobody wait for ever', async () => {
    const { ask, calls, clock, router } = createScene(rules(), { limits: { a: { concurrency: 1 } } });
    const high = () => router.route({ route: undefined, model: undefined, metadata: { p: 'high' } });
    ask();
    const low = ask();
    const urgent = ask({ decision: high() });
    calls[0]!.end();
    await settle();
    expect(urgent.told.at(-1)).toBe('target a/model-a');
    // it waited for so long that it is as important by now
    clock.advance(25_000);
    ask({ decision: high() });
    calls[1]!.end();
    await settle();
    expect(low.told.at(-1)).toBe('target a/model-a');
  });

  it('is bounded in number and in time', () => {
    const { ask, clock } = createScene(rules(), { limits: { a: { concurrency: 1 } }, mostWaiting: 2 });
    ask();
    const waiting = [ask(), ask()];
    expect(ask().told).toContain('error overloaded');
    clock.advance(30_100);
    for (const call of waiting) expect(call.told).toContain('error overloaded');
  });

  it('keeps to tokens per minute', async () => {
    const { ask, calls, clock } = createScene(rules(), { limits: { a: { tokensPerMinute: 600 } } });
    for (let i = 0; i < 8; i++) ask();
    expect(calls).toHaveLength(6);
    clock.advance(10_100);
    await settle();
    expect(calls).toHaveLength(7);
  });

  it('never runs more than it may, and starts everything in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 40 }), fc.integer(), async (tenants, seed) => {
        const open = new Set<PlayedCall>();
        let most = 0;
        const { ask, clock } = createScene(rules(), {
          seed,
          limits: { a: { concurrency: 3 } },
          play: (call) => {
            open.add(call);
            most = Math.max(most, open.size);
          },
        });
        const answers = tenants.map((tenant) => ask({ tenant: `t${tenant}` }));
        while (open.size > 0) {
          const [call] = open;
          open.delete(call!);
          call!.end();
          await settle();
          clock.advance(50);
        }
        expect(most).toBeLessThanOrEqual(3);
        for (const answer of answers) expect(answer.told.slice(-2)).toEqual(['end stop', 'close']);
      }),
      { numRuns: 40 },
    );
  });
});
