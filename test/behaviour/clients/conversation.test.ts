import { describe, expect, test } from 'vitest';
import type { Turn, TurnPart } from '../../../clients/node/index.ts';
import { answerWith, createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { startTestGateway } from '../../support/test-gateway.ts';
import { clientMatrix, openClient } from './support/clients.ts';

const pieces = ['The ', '😀 smile', ' — naïve', ' café', ' 中文', '.'];

describe.each(clientMatrix)('a conversation over $transport with $encoding', ({ transport, encoding }) => {
  test('a turn streams, counts and ends', async () => {
    const upstream = createScriptedUpstream(answerWith(pieces));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    expect(client.state).toBe('live');
    expect(client.welcome).toMatchObject({ v: 1, node: gateway.node });
    const session = await client.session(undefined, { system: 'Be brief.' });
    expect(session.settings).toEqual({ system: 'Be brief.' });
    const turn = session.send('Say something');
    let text = '';
    let tokens = 0;
    for await (const part of turn) {
      if (part.type !== 'text') continue;
      text += part.text;
      expect(part.tokens).toBeGreaterThan(tokens);
      tokens = part.tokens;
    }
    await turn.accepted;
    const result = await turn.done;
    expect(text).toBe(pieces.join(''));
    expect(result).toMatchObject({
      status: 'completed',
      text,
      usage: { output: tokens, source: 'counted' },
      toolCalls: [],
    });
    expect(await turn.text()).toBe(text);
    expect(turn).toMatchObject({ status: 'completed', tokens, partialText: text, input: 'Say something' });
  });

  test('a tool call makes the round', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    const session = await client.session();
    const turn = session.send('weather?', { tools: [{ name: 'weather', description: 'of a city' }] });
    const types: string[] = [];
    const reading = (async () => {
      for await (const part of turn) {
        types.push(part.type);
        if (part.type === 'tool-call')
          await turn.toolResult(part.call, { output: { degrees: -3, in: JSON.parse(part.arguments).city } });
      }
    })();
    const first = await upstream.nextCall();
    first.sink.onToolCall({ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' });
    first.sink.onEnd('tool_calls', 'tool_calls');
    const second = await upstream.nextCall();
    second.sink.onText('Minus three.');
    second.sink.onEnd('stop', 'stop');
    await reading;
    expect(types.filter((type) => type.startsWith('tool'))).toEqual(['tool-call', 'tool-result']);
    const { toolCalls, text } = await turn.done;
    expect(text).toBe('Minus three.');
    expect(toolCalls).toEqual([
      { call: 'c1', name: 'weather', arguments: '{"city":"Oslo"}', output: { degrees: -3, in: 'Oslo' } },
    ]);
    await turn.toolResult('c1', { error: 'too late' });
    await expect(turn.toolResult('c9', { output: 1 })).resolves.toBeUndefined();
  });

  test('a cancel reaches the provider and resolves with the end', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    const session = await client.session();
    const turn = session.send('go on for ever');
    const call = await upstream.nextCall();
    call.sink.onText('one two three');
    const part = await firstText(turn);
    const result = await turn.cancel({ reason: 'stopped', heard: part.pos + 3 });
    await call.aborted;
    expect(result).toMatchObject({
      status: 'cancelled',
      reason: 'stopped',
      text: 'one two three',
      heard: part.pos + 3,
    });
    expect(await turn.done).toBe(result);
    expect(await turn.cancel()).toBe(result);
    const controller = new AbortController();
    const second = session.send('again', { signal: controller.signal });
    await (await upstream.nextCall()).sink.onText('x');
    controller.abort('user');
    expect(await second.done).toMatchObject({ status: 'cancelled', reason: 'user' });
  });

  test('history pages, settings change, and a delete is seen by all', async () => {
    const upstream = createScriptedUpstream(answerWith(['reply']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    const other = await openClient(gateway.url, { encoding });
    const session = await client.session('paged', { metadata: { a: '1' } });
    const seen = await other.session('paged', { system: 'ignored, it exists' });
    expect(seen.settings).toEqual({ metadata: { a: '1' } });
    const updated = new Promise((resolve) => seen.on('updated', resolve));
    expect(await session.update({ system: 'S', metadata: null })).toEqual({ system: 'S' });
    expect(await updated).toEqual({ system: 'S' });
    expect(seen.settings).toEqual({ system: 'S' });
    const turns: Turn[] = [];
    for (let i = 0; i < 5; i++) {
      const turn = session.send(`question ${i}`);
      await turn.done;
      turns.unshift(turn);
    }
    const page = await session.history({ limit: 3 });
    expect(page.turns.map(({ turn }) => turn)).toEqual(turns.slice(0, 3).map(({ id }) => id));
    expect(page.turns[0]).toMatchObject({ input: 'question 4', text: 'reply' });
    const rest = await session.history({ before: page.next });
    expect(rest.turns).toHaveLength(2);
    expect(rest.next).toBeUndefined();
    const deleted = new Promise<void>((resolve) => seen.on('deleted', resolve));
    await session.delete();
    await deleted;
    await expect(seen.send('gone').done).rejects.toMatchObject({ code: 'session_not_found' });
    await expect(client.session('paged', undefined, { create: false })).rejects.toMatchObject({
      code: 'session_not_found',
    });
  });

  test('a refused turn rejects with the code', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await openClient(gateway.url, { encoding });
    const session = await client.session('busy');
    const running = session.send('1');
    await running.accepted;
    const refused = session.send('2');
    await expect(refused.accepted).rejects.toMatchObject({ code: 'turn_in_progress', retryable: true });
    await expect(refused.done).rejects.toMatchObject({ code: 'turn_in_progress' });
    expect(refused.status).toBe('refused');
    expect([...session.turns.keys()]).toEqual([running.id]);
    const queued = session.send('3', { onBusy: 'queue' });
    await queued.accepted;
    expect(await session.send('4', { onBusy: 'replace' }).cancel()).toMatchObject({ status: 'cancelled' });
    expect(await running.done).toMatchObject({ status: 'superseded' });
    expect(await queued.done).toMatchObject({ status: 'superseded' });
    const viewer = await openClient(gateway.url, { encoding });
    const view = await viewer.session('busy', undefined, { as: 'viewer' });
    await expect(view.send('no').done).rejects.toMatchObject({ code: 'forbidden' });
  });
});

async function firstText(turn: Turn): Promise<Extract<TurnPart, { type: 'text' | 'reasoning' }>> {
  for await (const part of turn) if (part.type === 'text' || part.type === 'reasoning') return part;
  throw new Error('the turn had no text');
}
