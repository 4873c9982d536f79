import { expect, onTestFinished, test } from 'vitest';
import { answerText } from '../../../src/practice-server/answer-tokens.ts';
import {
  type ClosedRequest,
  type PracticeServerOptions,
  startPracticeServer,
} from '../../../src/practice-server/start-practice-server.ts';

async function start(options: Partial<PracticeServerOptions> = {}) {
  const closed: ClosedRequest[] = [];
  const server = await startPracticeServer({
    host: '127.0.0.1',
    port: 0,
    seed: 7,
    tokens: { min: 30, max: 30 },
    tokensPerSecond: 0,
    firstTokenMs: 0,
    jitter: 0,
    failures: {},
    onClosed: (request) => closed.push(request),
    ...options,
  });
  onTestFinished(() => server.close());
  const post = (body: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello world' }], ...body }),
      headers: { 'x-client-request-id': 'abc' },
      ...(signal === undefined ? {} : { signal }),
    });
  return { closed, post, url: server.url };
}

interface Chunk {
  choices: { delta: { content?: string }; finish_reason: string | null }[];
  usage?: unknown;
}

function chunksOf(body: string): Chunk[] {
  const data = body.split('\n\n').filter((event) => event !== '');
  expect(data.at(-1)).toBe('data: [DONE]');
  return data.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
}

const textOf = (chunks: Chunk[]): string => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

test('a stream is the seeded answer, a token a chunk, with exact usage where it is asked for', async () => {
  const { post, closed } = await start();
  const chunks = chunksOf(await (await post({ stream: true, stream_options: { include_usage: true } })).text());
  expect(textOf(chunks)).toBe(answerText(7, 'abc', 30));
  expect(chunks.filter((chunk) => chunk.choices[0]?.delta.content).length).toBe(30);
  expect(chunks.at(-1)!.usage).toEqual({ prompt_tokens: 2, completion_tokens: 30, total_tokens: 32 });
  const without = chunksOf(await (await post({ stream: true })).text());
  expect(without.some((chunk) => chunk.usage !== undefined)).toBe(false);
  await expect.poll(() => closed.length).toBe(2);
  expect(closed[0]).toMatchObject({ request: 'abc', tokens: 30, of: 30, closedBy: 'server' });
});

test('an answer that is not streamed says the same', async () => {
  const { post } = await start();
  expect(await (await post({})).json()).toMatchObject({
    choices: [{ message: { content: answerText(7, 'abc', 30) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 2, completion_tokens: 30 },
  });
});

test('max_tokens cuts the answer, and the beginning of one is gone on with', async () => {
  const { post } = await start({ tokensPerSecond: 2_000, jitter: 0.5 });
  const cut = chunksOf(await (await post({ stream: true, max_tokens: 5 })).text());
  expect(textOf(cut)).toBe(answerText(7, 'abc', 5));
  expect(cut.at(-1)!.choices[0]!.finish_reason).toBe('length');
  const whole = answerText(7, 'abc', 30);
  const messages = [{ role: 'assistant', content: whole.slice(0, 41) }];
  expect(textOf(chunksOf(await (await post({ stream: true, messages })).text()))).toBe(whole.slice(41));
});

test('the log tells who closed an answer, and what had been written', async () => {
  const { post, closed } = await start({ failures: { hang: 1 } });
  const controller = new AbortController();
  const response = await post({ stream: true }, controller.signal);
  controller.abort();
  await expect(response.text()).rejects.toThrow();
  await expect.poll(() => closed.length).toBe(1);
  expect(closed[0]).toMatchObject({ closedBy: 'client', failure: 'hang', of: 30 });
  expect(closed[0]!.tokens).toBeLessThan(30);
});

test.each([
  ['truncate', (body: string) => expect(body).not.toContain('[DONE]')],
  ['error', (body: string) => expect(body).toContain('"type":"server_error"')],
  ['malformed', (body: string) => expect(body.trim().split('\n\n').at(-1)).toMatch(/"content":"$/)],
])('%s ends an answer in its middle', async (kind, check) => {
  const { post } = await start({ failures: { [kind]: 1 } });
  check(await (await post({ stream: true })).text());
});

test('a reset and a status', async () => {
  const { post } = await start({ failures: { reset: 1 } });
  await expect(post({ stream: true }).then((response) => response.text())).rejects.toThrow();
  const refusing = await start({ failures: { 429: 1 } });
  const response = await refusing.post({ stream: true });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
});

test('models, unknown paths and bad bodies', async () => {
  const { url, post } = await start();
  expect(await (await fetch(`${url}/models`)).json()).toMatchObject({ data: [{ id: 'practice' }] });
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
  expect((await post({ messages: 3 })).status).toBe(400);
});
