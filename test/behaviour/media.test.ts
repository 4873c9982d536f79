import { describe, expect, test } from 'vitest';
import { codecFor } from '../../protocol/codec.ts';
import type { Codec } from '../../protocol/codec.ts';
import { matrix } from '../support/matrix.ts';
import { mediaSamples } from '../support/media-samples.ts';
import { RawClient } from '../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { openClient } from './clients/support/clients.ts';

const [png, , gif] = mediaSamples as [(typeof mediaSamples)[0], unknown, (typeof mediaSamples)[0]];
const base64 = png.bytes.toString('base64');

/** A turn of one picture, its bytes as they are where the encoding can. */
function pictureTurn(codec: Codec, id: string, more: object[] = []): Uint8Array | string {
  const image = { type: 'image', mediaType: 'image/png', data: png.bytes, name: 'dot.png' };
  return codec.encode({ t: 'turn', ref: 2, s: 0, id, input: [image, ...more] });
}

describe.each(matrix)('media over $transport with $encoding', ({ transport, encoding }) => {
  const codec = codecFor(encoding);
  const image = { type: 'image', mediaType: 'image/png', data: base64, name: 'dot.png' };

  test('a picture without text reaches the upstream, and every attach sees it, also a resumed one', async () => {
    const upstream = createScriptedUpstream(answerWith(['A dot.']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    const attached = await client.attach({ ref: 1, s: 0, session: 'pictures', create: {} });
    const id = newTurnId();
    client.sendRaw(pictureTurn(codec, id));
    expect(await client.next('turn.accepted')).toMatchObject({ turn: id, input: [image] });
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
    expect(upstream.calls[0]!.request.messages.at(-1)).toEqual({ role: 'user', content: [image] });
    // the same turn again, its bytes as text, is the same turn
    client.send({ t: 'turn', ref: 3, s: 0, id, input: [image as never] });
    expect(await client.next('turn.state')).toMatchObject({ ref: 3, state: 'ended' });
    const other = await RawClient.connect(gateway.url, { encoding });
    await other.attach({ ref: 1, s: 0, session: 'pictures', epoch: attached.epoch, after: 0 });
    expect(other.all('attached')[0]).toMatchObject({ outcome: 'resumed', from: 0 });
    expect(other.all('turn.accepted')).toMatchObject([{ turn: id, input: [image] }]);
    other.send({ t: 'window', ref: 2, s: 0, turn: id }, { t: 'history', ref: 3, s: 0 });
    expect((await other.next('window')).messages).toEqual([{ role: 'user', text: '', media: ['image/png'], turn: id }]);
    expect((await other.next('history')).turns).toMatchObject([{ turn: id, input: [image], text: 'A dot.' }]);
  });

  test('a later turn sends the picture along', async () => {
    const upstream = createScriptedUpstream(answerWith(['ok']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url, { encoding });
    await client.attach({ ref: 1, s: 0, create: {} });
    const text = { type: 'text', text: 'What is this?' };
    client.sendRaw(pictureTurn(codec, newTurnId(), [text]));
    await client.next('turn.ended');
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'And now?' });
    await client.next('turn.ended');
    expect(upstream.calls[1]!.request.messages).toEqual([
      { role: 'user', content: [image, text] },
      { role: 'assistant', text: 'ok' },
      { role: 'user', content: 'And now?' },
    ]);
  });

  test('what cannot be taken is refused by code, before any upstream is called', async () => {
    const upstream = createScriptedUpstream(answerWith(['ok']));
    const limits = { maxMediaBytes: 100 };
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream], limits });
    const client = await RawClient.open(gateway.url, { encoding });
    client.send({ t: 'hello' });
    expect((await client.next('welcome')).limits.maxMediaBytes).toBe(100);
    await client.attach({ ref: 1, s: 0, create: {} });
    const part = (mediaType: string, data: string) => ({ type: 'image', mediaType, data });
    for (const [input, code] of [
      [[part('image/svg+xml', base64)], 'input_unsupported'],
      [[part('image/gif', base64)], 'invalid_frame'],
      [[part('image/png', base64.slice(1))], 'invalid_frame'],
      [[part('image/png', '!!!!')], 'invalid_frame'],
      [[{ type: 'image', url: 'http://example.com/a.png' }], 'invalid_frame'],
      [[part('image/png', base64), part('image/png', base64)], 'input_too_large'],
    ] as const) {
      const id = newTurnId();
      client.sendRaw(codec.encode({ t: 'turn', ref: 9, s: 0, id, input }));
      expect(await client.next('error')).toMatchObject({ ref: 9, code });
    }
    client.sendRaw(codec.encode({ t: 'turn', s: 0, id: newTurnId(), input: [part('image/gif', toText(gif.bytes))] }));
    expect(await client.next('turn.ended')).toMatchObject({ status: 'completed' });
    expect(upstream.calls).toHaveLength(1);
  });

  test('the client sends bytes, and shows what was sent with a turn', async () => {
    const gateway = await startTestGateway({
      transport,
      upstreamObjects: [createScriptedUpstream(answerWith(['A dot.']))],
    });
    const session = await (await openClient(gateway.url, { encoding })).session('mine');
    const turn = session.send([{ type: 'image', mediaType: 'image/png', data: new Uint8Array(png.bytes) }]);
    expect(await turn.text()).toBe('A dot.');
    expect(turn.input).toEqual([{ type: 'image', mediaType: 'image/png', data: base64 }]);
    await session.pin(turn.id, true);
    expect([...session.pinned]).toEqual([turn.id]);
    expect(await session.window(turn.id)).toMatchObject({
      sent: true,
      messages: [{ role: 'user', text: '', media: ['image/png'], turn: turn.id }],
    });
  });
});

function toText(bytes: Buffer): string {
  return bytes.toString('base64');
}
