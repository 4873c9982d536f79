import { describe, expect, it } from 'vitest';
import { createScene, settle } from './support/scene.ts';

const route = (more: object = {}) => ({
  routes: [{ name: 'r', model: 'a', fallback: ['b'], retry: { attempts: 1, minMs: 100, maxMs: 1_000 }, ...more }],
});

describe('until something was shown', () => {
  it.each([
    'upstream_overloaded',
    'upstream_error',
    'upstream_unreachable',
    'upstream_timeout',
    'upstream_truncated',
  ] as const)('%s is tried again after a moment, then elsewhere', async (code) => {
    const { ask, calls, clock } = createScene(route(), {
      play: (call) => (call.upstream === 'a' ? call.fail(code) : (call.say('hello'), call.end())),
    });
    const answer = ask();
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a']);
    clock.advance(1_000);
    await settle();
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'a', 'b']);
    expect(answer.text).toBe('hello');
    expect(answer.told).toEqual(['target a/model-a', 'target b/model-b fallback', 'end stop', 'close']);
    expect(answer.kinds()).toEqual(['primary a failed', 'retry a failed', 'fallback b completed']);
  });

  it('a refused credential or an unknown model is never tried again at the same upstream', () => {
    for (const code of ['upstream_unauthorized', 'model_not_found'] as const) {
      const { ask, calls } = createScene(route(), {
        play: (call) => (call.upstream === 'a' ? call.fail(code) : call.end()),
      });
      ask();
      expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'b']);
    }
  });

  it('a refused request is not sent anywhere else, unless the route says so', () => {
    const play = (call: Parameters<NonNullable<Parameters<typeof createScene>[1]>['play'] & object>[0]) =>
      call.upstream === 'a' ? call.fail('upstream_rejected') : call.end();
    const plain = createScene(route(), { play });
    expect(plain.ask().told).toContain('error upstream_rejected');
    expect(plain.calls).toHaveLength(1);
    const asked = createScene(route({ fallback: [{ model: 'b', on: ['rejected'] }] }), { play });
    asked.ask();
    expect(asked.calls.map(({ upstream }) => upstream)).toEqual(['a', 'b']);
  });

  it.each([
    ['context_too_long', 'contextTooLong'],
    ['content_refused', 'contentPolicy'],
  ] as const)('%s goes to the fallback that is for it, past others', (code, kind) => {
    const rules = route({ fallback: ['b', { model: 'c', on: [kind] }] });
    const { ask, calls } = createScene(rules, {
      play: (call) => (call.upstream === 'a' ? call.fail(code) : call.end()),
    });
    ask();
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'c']);
  });

  it('an answer that was stopped for its content before its first word goes there, too', () => {
    const { ask, calls } = createScene(route({ fallback: [{ model: 'c', on: ['contentPolicy'] }] }), {
      play: (call) => (call.upstream === 'a' ? call.end('content_filter') : (call.say('x'), call.end())),
    });
    expect(ask().text).toBe('x');
    expect(calls).toHaveLength(2);
  });

  it('Retry-After is waited for, and no longer than the bound: then the fallback comes at once', async () => {
    const { ask, calls, clock } = createScene(
      { routes: [{ name: 'r', model: 'a', retry: { attempts: 1, minMs: 1, maxMs: 2 } }] },
      { play: (call) => (calls.length < 2 ? call.fail('upstream_rate_limited', 4_000) : call.end()) },
    );
    ask();
    clock.advance(3_900);
    expect(calls).toHaveLength(1);
    clock.advance(200);
    expect(calls).toHaveLength(2);
    const long = createScene(route(), {
      play: (call) => (call.upstream === 'a' ? call.fail('upstream_rate_limited', 60_000) : call.end()),
    });
    long.ask();
    expect(long.calls.map(({ upstream }) => upstream)).toEqual(['a', 'b']);
  });

  it('another target of the group is asked at once', () => {
    const { ask, calls } = createScene(
      { models: { both: ['a', 'b'] }, routes: [{ name: 'r', model: 'both' }] },
      { play: (call) => (calls.length === 1 ? call.fail('upstream_overloaded') : call.end()) },
    );
    ask();
    expect(new Set(calls.map(({ upstream }) => upstream))).toEqual(new Set(['a', 'b']));
  });

  it('retries are a bounded part of the traffic', () => {
    const { ask, calls, clock } = createScene(
      { routes: [{ name: 'r', model: 'a', retry: { attempts: 3, minMs: 1, maxMs: 1 } }] },
      { play: (call) => call.fail('upstream_rate_limited', 1) },
    );
    for (let i = 0; i < 40; i++) {
      ask({ session: `s${i}` });
      clock.advance(100);
    }
    const retries = calls.length - 40;
    expect(retries).toBeGreaterThanOrEqual(10);
    expect(retries).toBeLessThanOrEqual(10 + 0.2 * 40 + 1);
  });
});

describe('after something was shown', () => {
  const breaks = (call: {
    upstream: string;
    say(text: string): void;
    fail(code: 'upstream_truncated'): void;
    end(): void;
  }) => {
    if (call.upstream !== 'a') {
      call.say('whole');
      return call.end();
    }
    call.say('half');
    call.fail('upstream_truncated');
  };

  it('nothing is tried again', () => {
    const { ask, calls } = createScene(route(), { play: breaks });
    const answer = ask();
    expect(calls).toHaveLength(1);
    expect(answer.told).toEqual(['target a/model-a', 'error upstream_truncated', 'close']);
    expect(answer.text).toBe('half');
  });

  it('restart: what was said is dropped and the answer begins anew', () => {
    const { ask, calls, clock } = createScene(route({ onBreak: 'restart' }), { play: breaks });
    const answer = ask();
    clock.advance(1_000);
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'a', 'b']);
    expect(answer.text).toBe('whole');
    expect(answer.told.filter((one) => one.startsWith('restart'))).toHaveLength(2);
  });

  it('continue: the answer goes on behind the text, where an upstream takes it', () => {
    const { ask, calls } = createScene(route({ onBreak: 'continue' }), {
      upstreams: [{ name: 'a' }, { name: 'b', prefix: true }],
      play: breaks,
    });
    const answer = ask();
    expect(calls.map(({ upstream }) => upstream)).toEqual(['a', 'b']);
    expect(calls[1]!.request.messages.at(-1)).toEqual({ role: 'assistant', text: 'half' });
    expect(calls[1]!.request.continuesAnswer).toBe(true);
    expect(answer.text).toBe('halfwhole');
    const nobody = createScene(route({ onBreak: 'continue' }), { play: breaks });
    expect(nobody.ask().told).toContain('error upstream_truncated');
    expect(nobody.calls).toHaveLength(1);
  });

  it('continue: reasoning cannot be gone on with', () => {
    const { ask, calls } = createScene(route({ onBreak: 'continue' }), {
      upstreams: [
        { name: 'a', prefix: true },
        { name: 'b', prefix: true },
      ],
      play: (call) => {
        call.sink.onReasoning('hm');
        call.fail('upstream_error');
      },
    });
    expect(ask().told).toContain('error upstream_error');
    expect(calls).toHaveLength(1);
  });
});

describe('an abort', () => {
  it('in any phase ends the calls that run, and nothing is told afterwards but their reports', () => {
    for (const phase of ['silent', 'speaking', 'waiting'] as const) {
      const { ask, calls, clock } = createScene(route(), {
        play: (call) => {
          if (phase === 'speaking') call.say('x');
          if (phase === 'waiting') call.fail('upstream_overloaded');
        },
      });
      const answer = ask();
      answer.abort('because');
      clock.advance(10_000);
      expect(calls).toHaveLength(1);
      expect(answer.told.at(-1)).toBe('close');
      expect(answer.told.filter((one) => one.startsWith('end') || one.startsWith('error'))).toEqual([]);
      expect(answer.reports).toHaveLength(1);
      if (phase !== 'waiting') expect(calls[0]!.signal.reason).toBe('because');
    }
  });
});
