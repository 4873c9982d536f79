import { describe, expect, it } from 'vitest';
import { createScene, type PlayedCall } from './support/scene.ts';

/** Says what the list has for an upstream, and ends. */
const saying = (texts: Record<string, string>) => (call: PlayedCall) => {
  const text = texts[call.upstream];
  if (text === undefined) return call.fail('upstream_rejected');
  call.say(text);
  call.end();
};

describe('a cascade', () => {
  const rules = (escalate: object, show = 'checked') => ({
    routes: [{ name: 'r', model: 'b', cascade: { first: 'a', escalate, show } }] as never,
  });

  it('shows the cheap answer when it is good enough', () => {
    const { ask, calls } = createScene(rules({ minLength: 3 }), { play: saying({ a: 'good', b: 'better' }) });
    const answer = ask();
    expect(answer.text).toBe('good');
    expect(calls).toHaveLength(1);
    expect(answer.told).toEqual(['target a/model-a', 'end stop', 'close']);
    expect(answer.reports).toMatchObject([{ upstream: 'a', isHandedOn: true, status: 'completed' }]);
  });

  it.each([
    ['too short', { minLength: 10 }, 'short'],
    ['too long', { maxLength: 3 }, 'too long'],
    ['a refusal', { refusal: true }, 'I’m sorry, but I can’t help with that.'],
    ['like a pattern', { pattern: 'as of \\d{4}' }, 'As of 2021, yes.'],
  ])('asks the better model where the cheap answer is %s', (_what, escalate, text) => {
    const { ask } = createScene(rules(escalate), { play: saying({ a: text, b: 'better' }) });
    const answer = ask();
    expect(answer.text).toBe('better');
    expect(answer.told).toEqual(['target b/model-b escalation', 'end stop', 'close']);
    // the cheap one is paid for, too, and only once
    expect(answer.kinds()).toEqual(['primary a completed', 'escalation b completed']);
    expect(answer.reports[0]).toMatchObject({ isHandedOn: false, hidden: { text } });
  });

  it('asks it where the cheap model fails, and where its JSON breaks the schema', () => {
    const failing = createScene(rules({}), { play: saying({ b: 'better' }) });
    expect(failing.ask().text).toBe('better');
    const format = { type: 'json_schema', schema: { type: 'object', required: ['x'] } } as const;
    const broken = createScene(rules({}), { play: saying({ a: '{"y":1}', b: '{"x":1}' }) });
    expect(broken.ask({ format }).text).toBe('{"x":1}');
  });

  it('lets a judge say, and does without it when it fails', () => {
    const judge = { model: 'c', below: 0.5 };
    const bad = createScene(rules({ judge }), { play: saying({ a: 'cheap', b: 'better', c: '0.2' }) });
    const answer = bad.ask();
    expect(answer.text).toBe('better');
    expect(answer.kinds()).toEqual(['judge c completed', 'primary a completed', 'escalation b completed']);
    expect(bad.calls[1]!.request.messages.at(-1)).toMatchObject({
      role: 'user',
      content: expect.stringContaining('cheap'),
    });
    const good = createScene(rules({ judge }), { play: saying({ a: 'cheap', b: 'better', c: 'Score: 0.9' }) });
    expect(good.ask().text).toBe('cheap');
    const without = createScene(rules({ judge }), { play: saying({ a: 'cheap', b: 'better' }) });
    expect(without.ask().text).toBe('cheap');
  });

  it('live: shows the cheap answer as it comes, and drops it', () => {
    const { ask } = createScene(rules({ minLength: 10 }, 'live'), { play: saying({ a: 'short', b: 'much better' }) });
    const answer = ask();
    expect(answer.told).toEqual([
      'target a/model-a',
      'restart escalation',
      'target b/model-b escalation',
      'end stop',
      'close',
    ]);
    expect(answer.text).toBe('much better');
  });

  it('accounts a cheap answer that a cancel caught before its judge spoke', () => {
    const { ask } = createScene(rules({ judge: { model: 'c', below: 0.5 } }), {
      play: (call) => {
        if (call.upstream !== 'a') return;
        call.say('cheap');
        call.end();
      },
    });
    const answer = ask();
    answer.abort();
    expect(answer.kinds().toSorted()).toEqual(['judge c aborted', 'primary a completed']);
    expect(answer.text).toBe('');
  });
});

describe('an ensemble', () => {
  const rules = (pick: string, judge?: object) => ({
    routes: [{ name: 'r', model: 'a', ensemble: { models: ['a', 'b', 'c'], pick, judge } }] as never,
  });

  it('first: shows the first good answer and gives the others up, accounted', async () => {
    const { ask, calls } = createScene(rules('first'));
    const answer = ask();
    expect(calls).toHaveLength(3);
    calls[0]!.say('slow');
    calls[1]!.end();
    calls[2]!.say('fast');
    calls[2]!.end();
    expect(answer.text).toBe('fast');
    expect(calls[0]!.signal.aborted).toBe(true);
    await Promise.resolve();
    expect(answer.told).toEqual(['target c/model-c', 'end stop', 'close']);
    expect(answer.kinds().toSorted()).toEqual(['primary a aborted', 'vote b completed', 'vote c completed']);
    expect(answer.reports.find(({ upstream }) => upstream === 'a')!.hidden.text).toBe('slow');
  });

  it('vote: shows what most said, as far as case and spaces go', () => {
    const { ask } = createScene(rules('vote'), { play: saying({ a: 'Oslo', b: ' bergen.', c: 'Bergen' }) });
    expect(ask().text).toBe(' bergen.');
  });

  it('judge: another model writes the answer from all; the first good one does without it', () => {
    const judge = { model: 'd' };
    const upstreams = [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }];
    const play = saying({ a: 'one', b: 'two', c: 'three', d: 'all' });
    const { ask, calls } = createScene(rules('judge', judge), { upstreams, play });
    const answer = ask();
    expect(answer.text).toBe('all');
    expect(calls[3]!.request.messages.at(-1)).toMatchObject({ content: expect.stringMatching(/one[^]*two[^]*three/) });
    expect(answer.kinds().filter((kind) => kind.endsWith('completed'))).toHaveLength(4);
    const broken = createScene(rules('judge', judge), { upstreams, play: saying({ a: 'one', b: 'two', c: 'three' }) });
    expect(broken.ask().text).toBe('one');
  });

  it('fails when all fail, and a call with tools goes to one model alone', () => {
    const { ask } = createScene(rules('first'), { play: saying({}) });
    expect(ask().told).toEqual(['error upstream_rejected', 'close']);
    const tools = createScene(rules('first'), { play: saying({ a: 'x' }) });
    tools.ask({ hasTools: true });
    expect(tools.calls).toHaveLength(1);
  });
});

describe('a hedge', () => {
  const rules = { models: { both: ['a', 'b'] }, routes: [{ name: 'r', model: 'both', hedge: { afterMs: 100 } }] };

  it('asks a second target when the first is silent; who speaks first answers, the other is given up and accounted', () => {
    const { ask, calls, clock } = createScene(rules);
    const answer = ask();
    clock.advance(99);
    expect(calls).toHaveLength(1);
    clock.advance(1);
    expect(calls).toHaveLength(2);
    calls[1]!.say('hello');
    expect(calls[0]!.signal.aborted).toBe(true);
    calls[1]!.end();
    expect(answer.text).toBe('hello');
    expect(answer.told.filter((one) => one.startsWith('target'))[1]).toMatch(/hedge$/);
    expect(answer.kinds()).toEqual([`primary ${calls[0]!.upstream} aborted`, `hedge ${calls[1]!.upstream} completed`]);
  });

  it('is not made when the first has spoken, and one that fails leaves the other to answer', () => {
    const spoken = createScene(rules);
    spoken.ask();
    spoken.calls[0]!.say('x');
    spoken.clock.advance(1_000);
    expect(spoken.calls).toHaveLength(1);
    const { ask, calls, clock } = createScene(rules);
    const answer = ask();
    clock.advance(100);
    calls[0]!.fail('upstream_error');
    expect(answer.told.some((one) => one.startsWith('error'))).toBe(false);
    calls[1]!.say('y');
    calls[1]!.end();
    expect([answer.text, calls.length]).toEqual(['y', 2]);
  });
});

describe('a hedged call that fails with the figures of its beginning', () => {
  it('does not take the answer from the other one', () => {
    const { ask, calls, clock } = createScene({
      models: { both: ['a', 'b'] },
      routes: [{ name: 'r', model: 'both', hedge: { afterMs: 100 } }],
    });
    const answer = ask();
    clock.advance(100);
    calls[0]!.sink.onUsage({ input: 5, output: 1, reasoning: 0, cached: 0 });
    calls[0]!.fail('upstream_error');
    expect(calls[1]!.signal.aborted).toBe(false);
    calls[1]!.say('y');
    calls[1]!.end();
    expect([answer.text, calls.length]).toEqual(['y', 2]);
    expect(answer.reports[0]).toMatchObject({ status: 'failed', usage: { input: 5 } });
  });
});

describe('shadow traffic', () => {
  it('is called, thrown away and accounted', () => {
    const { ask, calls } = createScene(
      { routes: [{ name: 'r', model: 'a', shadow: { model: 'b' } }] },
      { play: saying({ a: 'seen', b: 'unseen' }) },
    );
    const answer = ask();
    expect(calls).toHaveLength(2);
    expect(answer.text).toBe('seen');
    expect(answer.reports.find(({ kind }) => kind === 'shadow')).toMatchObject({
      isHandedOn: false,
      hidden: { text: 'unseen' },
    });
  });
});

describe('the format of an answer', () => {
  const format = {
    type: 'json_schema',
    schema: { type: 'object', required: ['x'], properties: { x: { type: 'number' } } },
  } as const;
  const rules = (onMismatch: string) => ({ routes: [{ name: 'r', model: 'a', schema: { onMismatch } }] as never });

  it('is checked when it is whole: fail, or ask again', () => {
    const failing = createScene(rules('fail'), { play: saying({ a: '{"x":"no"}' }) });
    expect(failing.ask({ format }).told).toContain('error output_invalid');
    const answers = ['{"x":', '{"x":"no"}', '{"x":1}'];
    const { ask, calls } = createScene(rules('retry'), {
      play: (call) => {
        call.say(answers[calls.length - 1]!);
        call.end();
      },
    });
    const answer = ask({ format });
    expect(answer.text).toBe('{"x":1}');
    expect(answer.told.filter((one) => one === 'restart output_invalid')).toHaveLength(2);
    const never = createScene(rules('retry'), { play: saying({ a: 'no' }) });
    expect(never.ask({ format }).told).toContain('error output_invalid');
    expect(never.calls).toHaveLength(3);
  });

  it('an answer that was cut or calls a tool is not blamed', () => {
    const cut = createScene(rules('fail'), {
      play: (call) => {
        call.say('{"x"');
        call.end('length');
      },
    });
    expect(cut.ask({ format }).told).toContain('end length');
  });
});
