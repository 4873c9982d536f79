import { expect, onTestFinished, test } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';

const event = (data: { type: string; [field: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const message = (blocks: string[], stop: string): string =>
  [
    event({
      type: 'message_start',
      message: { id: 'm', type: 'message', role: 'assistant', usage: { input_tokens: 10, output_tokens: 1 } },
    }),
    ...blocks,
    event({ type: 'message_delta', delta: { stop_reason: stop }, usage: { output_tokens: 20 } }),
    event({ type: 'message_stop' }),
  ].join('');
const block = (index: number, start: object, ...deltas: object[]): string =>
  [
    event({ type: 'content_block_start', index, content_block: start }),
    ...deltas.map((delta) => event({ type: 'content_block_delta', index, delta })),
    event({ type: 'content_block_stop', index }),
  ].join('');

test('signed reasoning goes back to its provider with the results of the tools, and to nobody else', async () => {
  const double = await startUpstreamDouble();
  onTestFinished(() => double.close());
  const asks = message(
    [
      block(
        0,
        { type: 'thinking', thinking: '' },
        { type: 'thinking_delta', thinking: 'Hm.' },
        { type: 'signature_delta', signature: 'c2lnbmVk' },
      ),
      block(
        1,
        { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} },
        { type: 'input_json_delta', partial_json: '{"town":' },
        { type: 'input_json_delta', partial_json: '"Oslo"}' },
      ),
      block(
        2,
        { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
        { type: 'input_json_delta', partial_json: '{"town":"Bergen"}' },
      ),
    ],
    'tool_use',
  );
  const answers = message(
    [block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'It rains.' })],
    'end_turn',
  );
  const bytes = (body: string) =>
    ({ kind: 'bytes', bytes: body, headers: { 'content-type': 'text/event-stream' } }) as const;
  double.setPlan([bytes(asks), bytes(answers), bytes(answers)]);
  const gateway = await startTestGateway({
    upstreams: [
      {
        name: 'claude',
        wire: 'anthropic',
        baseUrl: double.url,
        apiKey: 'sk-canary',
        defaultModel: 'claude-sonnet-4-5',
      },
    ],
  });
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, create: {} });
  const tools = [{ name: 'weather', parameters: { type: 'object', properties: { town: { type: 'string' } } } }];
  const params = { reasoningEffort: 'low' };
  const turn = newTurnId();
  client.send({ t: 'turn', s: 0, id: turn, input: 'How is the weather?', tools, params });
  const calls = [await client.next('tool.call'), await client.next('tool.call')];
  expect(calls.map(({ arguments: text }) => JSON.parse(text))).toEqual([{ town: 'Oslo' }, { town: 'Bergen' }]);
  for (const { call } of calls) client.send({ t: 'tool.result', s: 0, turn, call, output: 'rain' });
  expect(await client.next('turn.ended')).toMatchObject({
    status: 'completed',
    usage: { input: 20, output: 40, source: 'provider' },
  });
  const [, assistant, results] = double.requests[1]!.body.messages as { role: string; content: { type: string }[] }[];
  expect(assistant!.content.map(({ type }) => type)).toEqual(['thinking', 'tool_use', 'tool_use']);
  expect(assistant!.content[0]).toMatchObject({ thinking: 'Hm.', signature: 'c2lnbmVk' });
  expect(results).toMatchObject({
    role: 'user',
    content: [
      { type: 'tool_result', tool_use_id: 'toolu_1', content: 'rain' },
      { type: 'tool_result', tool_use_id: 'toolu_2', content: 'rain' },
    ],
  });
  // clients see neither the signature nor that there is one
  expect(JSON.stringify(client.frames)).not.toContain('c2lnbmVk');

  // and a later turn does without it
  const next = newTurnId();
  client.send({ t: 'turn', s: 0, id: next, input: 'Sure?', tools, params });
  await client.next('turn.ended', (frame) => frame.turn === next);
  expect(JSON.stringify(double.requests[2]!.body)).not.toContain('c2lnbmVk');
  expect(double.requests[2]!.secretHeaders['x-api-key'] ?? double.requests[2]!.headers['x-api-key']).toBe('sk-canary');
});
