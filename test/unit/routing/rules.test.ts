import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScene } from './support/scene.ts';
import { shareOf } from '../../../src/routing/match.ts';
import type { RouteRequest } from '../../../src/routing/contract.ts';

const asked = (more: Partial<RouteRequest> = {}): RouteRequest => ({ route: undefined, model: undefined, ...more });

describe('rules', () => {
  const { router } = createScene({
    flags: { canary: { percent: 100, tenants: ['acme*'] }, off: { percent: 0 } },
    routes: [
      { name: 'flagged', match: { flag: 'canary', metadata: { feature: 'x' } }, model: 'c' },
      { name: 'never', match: { flag: 'off' }, model: 'c' },
      { name: 'summaries', match: { team: '*', task: 'summarize' }, model: 'b' },
      { name: 'billing', match: { team: ['billing', 'finance-*'] }, model: 'c' },
      { name: 'large', match: { inputTokens: { min: 1_000 } }, model: 'b' },
      { name: 'premium', match: { tier: 'gold' }, model: 'c' },
      { name: 'asked', match: { model: 'gpt-*' } },
      { name: 'night', match: { time: { from: '22:00', to: '06:00', zone: 'UTC' } }, model: 'b' },
    ],
  });

  it.each([
    ['task', { tenant: 't', metadata: { task: 'summarize' } }, 'summaries', 'b/model-b'],
    ['team', { tenant: 't', team: 'billing' }, 'billing', 'c/model-c'],
    ['team by its beginning', { tenant: 't', team: 'finance-eu' }, 'billing', 'c/model-c'],
    ['tenant where there is no team', { tenant: 'billing' }, 'billing', 'c/model-c'],
    ['size', { tenant: 't', inputTokens: 1_000 }, 'large', 'b/model-b'],
    ['tier', { tenant: 't', tier: 'gold' }, 'premium', 'c/model-c'],
    ['flag', { tenant: 'acme-1', metadata: { feature: 'x' } }, 'flagged', 'c/model-c'],
    ['model asked for', { tenant: 't', model: 'gpt-9' }, 'asked', 'a/gpt-9'],
    // the played wall clock stands at 22:13 UTC
    ['time', { tenant: 't' }, 'night', 'b/model-b'],
  ] as const)('match on %s', (_what, request, route, target) => {
    const decision = router.route(asked(request as Partial<RouteRequest>));
    expect([decision.route, decision.group.targets[0]!.key]).toEqual([route, target]);
  });

  it('who asks for a rule by its name still has to meet it, and a name that is none is refused alike', () => {
    expect(router.route(asked({ route: 'billing', team: 'billing' })).route).toBe('billing');
    for (const route of ['billing', 'nowhere', 'a'])
      expect(() => router.route(asked({ route, tenant: 't' }))).toThrow(/No route of this name/);
  });

  it('says of every rule why it was not taken', () => {
    const traces: string[] = [];
    router.route(asked({ tenant: 't', tier: 'gold' }), ({ route, because }) => traces.push(`${route}: ${because}`));
    expect(traces[2]).toBe('summaries: task is not known, not “summarize”');
    expect(traces.at(-1)).toBe('premium: undefined');
  });
});

describe('shares of sessions', () => {
  it('are kept, about as large as asked, and independent of each other', () => {
    const { router } = createScene({
      routes: [
        {
          name: 'test',
          variants: [
            { name: 'old', percent: 70, model: 'a' },
            { name: 'new', percent: 30, model: 'b' },
          ],
        },
      ],
    });
    const of = (session: string) => router.route(asked({ tenant: 't', session })).variant;
    const drawn = Array.from({ length: 2_000 }, (_, i) => of(`s${i}`));
    const share = drawn.filter((variant) => variant === 'new').length / drawn.length;
    expect(share).toBeGreaterThan(0.26);
    expect(share).toBeLessThan(0.34);
    expect(Array.from({ length: 2_000 }, (_, i) => of(`s${i}`))).toEqual(drawn);
  });

  it('lie in 0 to 100 for every name', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (salt, tenant, session) => {
        const share = shareOf(salt, asked({ tenant, session }));
        return share >= 0 && share < 100;
      }),
    );
  });
});

describe('rules that cannot be used', () => {
  it.each([
    ['a model that does not exist', { routes: [{ name: 'r', model: 'nope' }] }, ['routes', 0, 'model']],
    [
      'a fallback that does not exist',
      { routes: [{ name: 'r', fallback: ['a', 'nope'] }] },
      ['routes', 0, 'fallback', 1],
    ],
    ['an upstream that does not exist', { models: { m: [{ upstream: 'nope' }] } }, ['models', 'm']],
    ['a template that does not exist', { routes: [{ name: 'r', use: 'nope' }] }, ['routes', 0, 'use']],
    [
      'a flag that does not exist',
      { routes: [{ name: 'r', match: { flag: 'nope' } }] },
      ['routes', 0, 'match', 'flag'],
    ],
    ['a group of itself', { models: { m: ['m'] } }, ['models', 'm']],
    [
      'variants that are not the whole',
      {
        routes: [
          {
            name: 'r',
            variants: [
              { name: 'x', percent: 1 },
              { name: 'y', percent: 2 },
            ],
          },
        ],
      },
      ['routes', 0, 'variants'],
    ],
    ['a cache', { routes: [{ name: 'r', cache: { ttlSeconds: 60 } }] }, ['routes', 0, 'cache', 'ttlSeconds']],
    ['guardrails', { routes: [{ name: 'r', guardrails: ['pii-redact'] }] }, ['routes', 0, 'guardrails']],
  ])('%s is refused with its place', (_what, rules, path) => {
    expect(() => createScene(rules as never)).toThrow(expect.objectContaining({ name: 'RuleError', path }));
  });

  it('a cache that is off and a bound of output are taken', () => {
    const { router } = createScene({
      routes: [{ name: 'r', model: 'a', cache: { ttlSeconds: 0 }, limits: { maxOutputTokens: 7 } }],
    });
    expect(router.route(asked()).policy).toMatchObject({ maxOutputTokens: 7, limits: undefined });
  });

  it('limits of a route go with its decision', () => {
    const { router } = createScene({ routes: [{ name: 'r', model: 'a', limits: { turnsPerMinute: 5 } }] });
    expect(router.route(asked()).policy.limits).toEqual({ turnsPerMinute: 5 });
  });
});

it('templates lie under what a route says itself', () => {
  const { router } = createScene({
    templates: { careful: { model: 'b', retry: { attempts: 5, maxMs: 900 }, onBreak: 'restart' } },
    routes: [
      { name: 'one', match: { task: 'one' }, use: 'careful', retry: { attempts: 1 } },
      { name: 'two', use: 'careful', model: 'c' },
    ],
  });
  const one = router.route(asked({ metadata: { task: 'one' } }));
  expect([one.group.targets[0]!.key, one.policy.retries, one.policy.retryMaxMs, one.policy.onBreak]).toEqual([
    'b/model-b',
    1,
    900,
    'restart',
  ]);
  expect(router.route(asked()).group.targets[0]!.key).toBe('c/model-c');
});

it('takes steps under load, in order, and looks at the load only where there are steps', () => {
  const load = { turns: 0, queued: 0, eventLoopDelayMs: 0 };
  const { router } = createScene(
    {
      models: { small: 'a', careful: 'b' },
      routes: [{ name: 'r', model: 'careful', shadow: { model: 'c' } }],
      degradation: [
        { name: 'shorter', when: { turns: 10 }, maxOutputTokens: 100 },
        {
          name: 'smaller',
          when: { queued: 5, eventLoopDelayMs: 50 },
          models: { careful: 'small' },
          maxOutputTokens: 300,
        },
      ],
    },
    { load: () => load },
  );
  const decided = () => {
    const { degraded, group, policy, shadow } = router.route(asked());
    return [degraded, group.targets[0]!.key, policy.maxOutputTokens, shadow?.name];
  };
  expect(decided()).toEqual([[], 'b/model-b', undefined, 'model-c']);
  load.turns = 10;
  expect(decided()).toEqual([['shorter'], 'b/model-b', 100, undefined]);
  load.eventLoopDelayMs = 51;
  expect(decided()).toEqual([['shorter', 'smaller'], 'a/model-a', 100, undefined]);
  const never = createScene({}, { load: () => expect.fail('it was looked at') });
  expect(never.router.route(asked()).degraded).toEqual([]);
});
