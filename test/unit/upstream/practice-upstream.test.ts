import { describe, expect, it } from 'vitest';
import type { UpstreamMessage, UpstreamRequest } from '../../../src/upstream/contract.ts';
import { createPracticeUpstream } from '../../../src/upstream/practice/practice-upstream.ts';
import { RecordingSink } from '../../support/upstream-double/recording-sink.ts';
import { ManualClock } from './support/manual-clock.ts';

function ask(text: string | UpstreamMessage[], rest: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const messages: UpstreamMessage[] = typeof text === 'string' ? [{ role: 'user', content: text }] : text;
  return { turn: 't1', model: 'practice', messages, params: {}, ...rest };
}

async function run(request: UpstreamRequest, options: Parameters<typeof createPracticeUpstream>[0] = {}) {
  const upstream = createPracticeUpstream({ tokensPerSecond: 0, firstTokenMs: 0, ...options });
  const sink = new RecordingSink();
  upstream.stream(request, sink, new AbortController().signal);
  expect(sink.calls).toEqual([]);
  await sink.closed;
  await upstream.close();
  expect(sink.violations).toEqual([]);
  return sink;
}

/** Lets immediates and microtasks run while the manual clock stands still. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('the practice model', () => {
  it('reflects the words, knows the turn and says something useful', async () => {
    const first = await run(ask('How are you today?'));
    expect(first.text).toContain('“How are you today?”, which is 4 words');
    expect(first.text).toContain('OPENAI_API_KEY');
    const second = await run(
      ask([
        { role: 'system', text: 'Be kind.' },
        { role: 'user', content: 'a' },
        { role: 'assistant', text: 'b' },
        { role: 'user', content: [{ type: 'text', text: 'c' }] },
      ]),
    );
    expect(second.text).toContain('turn 2');
    expect(second.text).toContain('stop button');
  });

  it('says what it was sent beside words', async () => {
    const image = { type: 'image', mediaType: 'image/png', data: Buffer.alloc(12_345).toString('base64') } as const;
    const alone = await run(ask([{ role: 'user', content: [image] }]));
    expect(alone.text).toContain('You sent a picture (image/png, 12 KB). A real model would say');
    const several = await run(
      ask([
        { role: 'user', content: [image] },
        { role: 'assistant', text: 'b' },
        {
          role: 'user',
          content: [
            { type: 'image', url: 'https://example.com/a.png' },
            { type: 'audio', mediaType: 'audio/wav', data: Buffer.alloc(70).toString('base64') },
            { type: 'file', mediaType: 'application/pdf', data: image.data },
            { type: 'text', text: 'See?' },
          ],
        },
      ]),
    );
    expect(several.text).toContain(
      'You sent a picture by its address, a recording (audio/wav, 70 bytes) and a file (application/pdf, 12 KB). You said “See?”',
    );
  });

  it('is the same for the same input and seed, and another for another', async () => {
    const texts = await Promise.all([1, 1, 2, 3, 4].map(async (seed) => (await run(ask('/long hi'), { seed })).text));
    expect(texts[0]).toBe(texts[1]);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });

  it('streams pieces of about a word, with the space before it', async () => {
    const sink = await run(ask('/echo one  two\n three-is-a-very-long-word 東京🙂'));
    const pieces = sink.calls.flatMap((call) => (call.kind === 'text' ? [call.text] : []));
    expect(pieces).toEqual(['one', '  two', '\n three-is-a-v', 'ery-long-wor', 'd', ' 東京🙂']);
    expect(sink.calls[0]).toEqual({ kind: 'open', requestId: 'practice-t1' });
    expect(sink.usage).toEqual({ input: 7, output: 6, reasoning: 0, cached: 0 });
    expect(sink.end).toEqual({ finish: 'stop', rawFinish: 'stop' });
  });

  it('understands commands', async () => {
    expect((await run(ask('/help'))).text).toContain('/markdown');
    expect((await run(ask('please /markdown now'))).text).toContain('| frame |');
    expect((await run(ask('/long'))).text.length).toBeGreaterThan(4000);
    expect((await run(ask('/reason why'))).reasoning).toContain('think');
    expect((await run(ask('look at /tools/x and a/error'))).text).toContain('You said');
    const failed = await run(ask('/error'));
    expect([failed.text.length > 0, failed.error?.code]).toEqual([true, 'upstream_error']);
  });

  it('calls the first tool with arguments of its shape, then uses the result', async () => {
    const parameters = {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer', minimum: 3 },
        unit: { enum: ['c', 'f'] },
        exact: { type: 'boolean' },
        where: { type: 'object', properties: { list: { type: 'array' } } },
      },
    };
    const request = ask('/tool Oslo', { tools: [{ name: 'weather', parameters }, { name: 'other' }] });
    const sink = await run(request);
    const call = sink.toolCalls[0];
    expect(call?.name).toBe('weather');
    expect(JSON.parse(call?.arguments ?? '')).toEqual({
      city: 'Oslo',
      days: 3,
      unit: 'c',
      exact: true,
      where: { list: [] },
    });
    expect(sink.toolCallDeltas).toBe(`weather${call?.arguments}`);
    expect(sink.end?.finish).toBe('tool_calls');
    expect((await run(request)).toolCalls).toEqual([call]);

    const after = await run({
      ...request,
      messages: [
        ...request.messages,
        { role: 'assistant', text: '', toolCalls: call === undefined ? [] : [call] },
        { role: 'tool', call: call?.id ?? '', name: 'weather', output: 'rain' },
      ],
    });
    expect(after.text).toContain('weather answered “rain”');
    expect((await run(ask('/tool'))).text).toContain('No tool');
  });

  it('keeps to the output bound and to stop sequences', async () => {
    const cut = await run(ask('/echo one two three four', { params: { maxOutputTokens: 2 } }));
    expect([cut.text, cut.end, cut.usage?.output]).toEqual(['one two', { finish: 'length', rawFinish: 'length' }, 2]);
    const stopped = await run(ask('/echo one two three four', { params: { stop: ['four', ' thr'] } }));
    expect([stopped.text, stopped.end?.finish]).toEqual(['one two', 'stop']);
    const exact = await run(ask('/echo one two', { params: { maxOutputTokens: 2 } }));
    expect(exact.end?.finish).toBe('stop');
  });

  it('counts with the counter it is given', async () => {
    const sink = await run(ask('/echo abc def'), { countTokens: (text) => text.length });
    expect(sink.usage).toEqual({ input: 13, output: 7, reasoning: 0, cached: 0 });
  });

  it('keeps its pace', async () => {
    const clock = new ManualClock();
    const upstream = createPracticeUpstream({ clock, tokensPerSecond: 10, firstTokenMs: 500 });
    const sink = new RecordingSink();
    upstream.stream(ask('/echo a b c d e f'), sink, new AbortController().signal);
    await settle();
    expect(sink.kinds).toEqual(['open']);
    clock.advance(500);
    await settle();
    expect(sink.text).toBe('a');
    clock.advance(250);
    await settle();
    expect(sink.text).toBe('a b c');
    clock.jump(1000);
    await settle();
    expect([sink.text, sink.kinds.at(-1), clock.pending]).toEqual(['a b c d e f', 'close', 0]);
  });

  it('lets other work run between bursts where it has no pace', async () => {
    const upstream = createPracticeUpstream({ tokensPerSecond: Infinity, firstTokenMs: 0 });
    const sink = new RecordingSink();
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (!sink.kinds.includes('close')) setImmediate(count);
    };
    setImmediate(count);
    upstream.stream(ask('/long'), sink, new AbortController().signal);
    await sink.closed;
    expect(turns).toBeGreaterThan(10);
  });

  it('stops at once when aborted, in every phase', async () => {
    const clock = new ManualClock();
    const upstream = createPracticeUpstream({ clock, tokensPerSecond: 10, firstTokenMs: 500 });
    const before = new RecordingSink();
    upstream.stream(ask('hi'), before, AbortSignal.abort());
    await before.closed;

    for (const advanceMs of [undefined, 0, 500, 900]) {
      const controller = new AbortController();
      const sink = new RecordingSink();
      upstream.stream(ask('/long'), sink, controller.signal);
      if (advanceMs !== undefined) {
        await settle();
        clock.advance(advanceMs);
        await settle();
      }
      const calls = sink.calls.length;
      controller.abort();
      expect(sink.kinds.slice(calls)).toEqual(['close']);
      clock.advance(10_000);
      await settle();
      expect([sink.calls.length, clock.pending]).toEqual([calls + 1, 0]);
    }

    const inside = new AbortController();
    const sink = new RecordingSink();
    sink.onCall = (call) => {
      if (call.kind === 'text') inside.abort();
    };
    createPracticeUpstream({ tokensPerSecond: 0, firstTokenMs: 0 }).stream(ask('/long'), sink, inside.signal);
    await sink.closed;
    expect(sink.kinds).toEqual(['open', 'text', 'close']);
  });

  it('fails alone where its sink throws', async () => {
    const sink = new RecordingSink();
    sink.onCall = (call) => {
      if (call.kind === 'text') throw new Error('a fault of the gateway');
    };
    createPracticeUpstream({ tokensPerSecond: 0, firstTokenMs: 0 }).stream(
      ask('hi'),
      sink,
      new AbortController().signal,
    );
    await sink.closed;
    expect(sink.error?.code).toBe('internal');
  });

  it('has a fast model without silence', async () => {
    const clock = new ManualClock();
    const upstream = createPracticeUpstream({ clock });
    expect([upstream.models, upstream.defaultModel]).toEqual([['practice', 'practice-fast'], 'practice']);
    const sink = new RecordingSink();
    upstream.stream(ask('/echo a b c', { model: 'practice-fast' }), sink, new AbortController().signal);
    await settle();
    clock.advance(5);
    await settle();
    expect(sink.text).toBe('a b c');
  });
});
