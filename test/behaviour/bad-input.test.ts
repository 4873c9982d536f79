import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codecFor } from '../../protocol/codec.ts';
import { matrix } from '../support/matrix.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';

describe.each(matrix)('bad input over $transport with $encoding', ({ transport, encoding }) => {
  const codec = codecFor(encoding);
  const gatewayOptions = () => ({ transport, upstreamObjects: [createScriptedUpstream(answerWith(['ok']))] });

  test.each([
    ['text that is no message', encoding === 'json' ? '{"t":' : Buffer.from([0xc1])],
    ['an empty message', encoding === 'json' ? '' : Buffer.alloc(0)],
    ['a depth bomb', encoding === 'json' ? '['.repeat(50_000) : Buffer.alloc(50_000, 0x91)],
    ['a size bomb', encoding === 'json' ? `[${'1,'.repeat(70_000)}1]` : Buffer.from('ddffffffff', 'hex')],
    ['an extension type', encoding === 'json' ? 'undefined' : Buffer.from('81a17472d40000', 'hex')],
    ['the other encoding', encoding === 'json' ? Buffer.from([0x81, 0xa1, 0x74, 0xff]) : '{"t":"hello"}'],
    ['too many frames', codec.encode(Array.from({ length: 300 }, () => ({ t: 'ping' })))],
  ])('%s is answered malformed_message and close 4300', async (_name, message) => {
    const gateway = await startTestGateway(gatewayOptions());
    const client = await RawClient.connect(gateway.url, { encoding });
    client.sendRaw(message);
    expect(await client.next('error')).toMatchObject({ code: 'malformed_message', retryable: false });
    expect((await client.closed).code).toBe(4300);
  });

  test('an oversize message is closed with 4306, others go on', async () => {
    const gateway = await startTestGateway({ ...gatewayOptions(), limits: { maxMessageBytes: 10_000 } });
    const [client, other] = [
      await RawClient.connect(gateway.url, { encoding }),
      await RawClient.connect(gateway.url, { encoding }),
    ];
    client.send({ t: 'ping' }, { t: 'hello', client: { name: 'x'.repeat(60) } });
    client.sendRaw(codec.encode({ t: 'x', text: 'y'.repeat(11_000) }));
    expect((await client.closed).code).toBe(4306);
    other.send({ t: 'ping', at: 4 });
    expect(await other.next('pong')).toMatchObject({ at: 4 });
  });

  test('unknown frames and wrong types are answered by code, and the socket stays open', async () => {
    const gateway = await startTestGateway(gatewayOptions());
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const send = (frame: object): void => client.sendRaw(codec.encode(frame));
    send({ t: 'sing', ref: 2 });
    expect(await client.next('error')).toMatchObject({ ref: 2, code: 'unknown_frame' });
    send({ t: 'turn', ref: 3, s: 0, id: 'not-a-ulid', input: 'x' });
    expect(await client.next('error')).toMatchObject({
      ref: 3,
      s: 0,
      code: 'invalid_frame',
      message: expect.stringContaining('“id”'),
    });
    send({ t: 'turn', ref: 4, s: 0, id: newTurnId(), input: { deep: 1 } });
    expect(await client.next('error')).toMatchObject({ ref: 4, code: 'invalid_frame' });
    send({ t: 'attach', ref: 5, s: -1 });
    expect(await client.next('error')).toMatchObject({ ref: 5, code: 'invalid_frame' });
    send({ t: 'attach', ref: 6, s: 1, session: '../../etc', create: {} });
    expect(await client.next('error')).toMatchObject({ ref: 6, code: 'invalid_frame' });
    send({ ref: 7 });
    expect(await client.next('error')).toMatchObject({ ref: 7, code: 'invalid_frame' });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'still fine', extra: 1 } as never);
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
  });

  test('a frame before hello is refused with 4300, silence with 4307', async () => {
    const gateway = await startTestGateway({ ...gatewayOptions(), limits: { helloMs: 50 } });
    const early = await RawClient.open(gateway.url, { encoding });
    early.send({ t: 'attach', ref: 1, s: 0, create: {} });
    expect(await early.next('error')).toMatchObject({ ref: 1, code: 'not_ready' });
    expect((await early.closed).code).toBe(4300);
    const silent = await RawClient.open(gateway.url, { encoding });
    expect((await silent.closed).code).toBe(4307);
  });

  test('odd but legal input arrives as it was: special tokens, lone surrogates, control characters', async () => {
    const upstream = createScriptedUpstream(
      answerWith(['<|endoftext|>', '\ud83d', '\ude00', ' \ud83d', 'x', '\u0000']),
    );
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const input = 'a <|endoftext|> \u0000 \u202e 👩‍👩‍👧 z';
    client.send({ t: 'turn', s: 0, id: newTurnId(), input });
    await client.next('turn.ended');
    expect(upstream.calls[0]!.request.messages).toEqual([{ role: 'user', content: input }]);
    const text = client.all('delta').map((delta) => delta.text);
    expect(text.join('')).toBe('<|endoftext|>😀 \ufffdx\u0000');
    if (encoding === 'json') {
      client.sendRaw(`{"t":"turn","s":0,"id":"${newTurnId()}","input":"lone \\ud800 half"}`);
      await client.next('turn.ended');
      expect(upstream.calls[1]!.request.messages.at(-1)).toEqual({ role: 'user', content: 'lone \ufffd half' });
    }
  });

  test('an input over the limit is refused', async () => {
    const gateway = await startTestGateway({
      ...gatewayOptions(),
      limits: { maxInputBytes: 1_000, windowTokens: 200 },
    });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    client.send({ t: 'turn', ref: 2, s: 0, id: newTurnId(), input: 'é'.repeat(501) });
    expect(await client.next('error')).toMatchObject({ ref: 2, code: 'input_too_large' });
    client.send({ t: 'turn', ref: 3, s: 0, id: newTurnId(), input: 'a b c d '.repeat(110) });
    expect(await client.next('turn.ended')).toMatchObject({ status: 'failed', reason: 'context_too_long' });
  });

  test('mutated frames crash nothing', async () => {
    const gateway = await startTestGateway(gatewayOptions());
    const seeds = [
      { t: 'hello', client: { name: 'a' } },
      { t: 'attach', ref: 1, s: 0, session: 'm', create: { settings: { system: 'x' } }, after: 3 },
      { t: 'turn', s: 0, id: newTurnId(), input: 'mutate me', params: { temperature: 1 } },
      [{ t: 'cancel', s: 0, turn: newTurnId(), heard: 4 }, { t: 'history', ref: 2, s: 0, limit: 2 }, { t: 'ping' }],
    ].map((frame) => Buffer.from(codec.encode(frame)));
    const runs = process.env.PARLEY_LONG ? 250_000 : 1_500;
    let client = await RawClient.connect(gateway.url, { encoding });
    const mutation = fc.tuple(
      fc.nat(seeds.length - 1),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    );
    for (const [index, changes] of fc.sample(mutation, { numRuns: runs, seed: Number(process.env.PARLEY_SEED ?? 1) })) {
      const bytes = Buffer.from(seeds[index]!);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      if (client.socket.readyState !== client.socket.OPEN) client = await RawClient.connect(gateway.url, { encoding });
      client.sendRaw(encoding === 'json' ? bytes.toString('utf8') : bytes);
      if (client.frames.length > 5_000) client.frames.length = 0;
    }
    const probe = await RawClient.connect(gateway.url, { encoding });
    await probe.attach({ ref: 1, s: 0, create: {} });
    probe.send({ t: 'turn', s: 0, id: newTurnId(), input: 'alive?' });
    expect(await probe.next('turn.ended')).toMatchObject({ status: 'completed' });
  });
});

describe('before there is a socket', () => {
  test.each(['uws', 'ws'] as const)(
    'wrong origin, path, protocol and too many sockets are refused over %s',
    async (transport) => {
      const gateway = await startTestGateway({
        transport,
        origins: ['https://app.example'],
        limits: { maxSocketsPerAddress: 2 },
      });
      const open = (headers: Record<string, string>, protocols?: string[]) =>
        RawClient.open(gateway.url, { encoding: 'json', headers, ...(protocols ? { protocols } : {}) });
      await expect(open({ origin: 'https://evil.example' })).rejects.toThrow('403');
      await expect(open({ origin: 'null' })).rejects.toThrow('403');
      await expect(
        open({ origin: `http://evil.example:${gateway.port}`, host: `evil.example:${gateway.port}` }),
      ).rejects.toThrow('403');
      await expect(open({}, ['graphql-ws'])).rejects.toThrow(/400|Server sent/);
      await expect(RawClient.open(`${gateway.url}/nowhere`)).rejects.toThrow('404');
      const first = await open({ origin: 'https://app.example' });
      const second = await open({ origin: gateway.url }, ['ticket.abc', 'parley.v1.json']);
      expect(second.socket.protocol).toBe('parley.v1.json');
      await expect(open({})).rejects.toThrow('429');
      await first.close();
      await second.close();
      const third = await RawClient.open(gateway.url, { encoding: 'json', protocols: [] });
      expect(third.socket.protocol).toBe('');
    },
  );
});
