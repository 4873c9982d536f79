import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway } from '../support/test-gateway.ts';

/** A client as somebody writes it from PROTOCOL.md alone: a WebSocket, JSON, and nothing of this project. */
class StrangerClient {
  socket!: WebSocket;
  cursor = 0;
  epoch = '';
  text = '';
  ends: string[] = [];
  session = '';
  readonly #base: string;
  #inbox: any[] = [];
  #wake: (() => void) | undefined;

  constructor(base: string) {
    this.#base = base;
  }

  async connect(session?: string): Promise<void> {
    this.socket = new WebSocket(`${this.#base.replace('http', 'ws')}/v1/socket`, 'parley.v1.json');
    await new Promise((resolve) => this.socket.on('open', resolve));
    this.#inbox = [];
    this.socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      for (const frame of Array.isArray(message) ? message : [message]) this.#receive(frame);
    });
    const attach = this.epoch === '' ? { create: {} } : { epoch: this.epoch, after: this.cursor };
    this.socket.send(
      JSON.stringify([
        { t: 'hello' },
        { t: 'attach', ref: 1, s: 0, session: session ?? (this.session || undefined), ...attach },
      ]),
    );
    const attached = await this.until((frame) => frame.t === 'attached');
    this.session = attached.session;
    await this.until((frame) => frame.t === 'live');
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  async until(test: (frame: any) => boolean): Promise<any> {
    for (;;) {
      const index = this.#inbox.findIndex(test);
      if (index !== -1) {
        const [found] = this.#inbox.splice(0, index + 1).slice(-1);
        return found;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #receive(frame: any): void {
    if (frame.t === 'attached') {
      if (frame.outcome === 'snapshot') {
        this.text = '';
        this.ends = [];
      }
      this.cursor = frame.from;
      this.epoch = frame.epoch;
    }
    if (typeof frame.pos === 'number' && frame.t !== 'live' && frame.t !== 'lagging') {
      if (frame.pos !== this.cursor) throw new Error(`position ${frame.pos} instead of ${this.cursor}`);
      this.cursor += frame.t === 'delta' ? frame.text.length : 1;
    }
    if (frame.t === 'delta') this.text += frame.text;
    if (frame.t === 'turn.ended') this.ends.push(frame.status);
    this.#inbox.push(frame);
    this.#wake?.();
  }
}

function ulid(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return `01${[...randomBytes(24)].map((byte) => alphabet[byte % 32]).join('')}`;
}

describe.each(['uws', 'ws'] as const)('a client written from PROTOCOL.md alone over %s', (transport) => {
  test('talks, resumes in mid-answer, cancels, answers a tool, pages the history and erases', async () => {
    const upstream = createScriptedUpstream();
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = new StrangerClient(gateway.url);
    await client.connect();

    const first = ulid();
    client.send({ t: 'turn', ref: 2, s: 0, id: first, input: 'Hello' });
    const call = await upstream.nextCall();
    call.sink.onText('One 😀 ');
    await client.until((frame) => frame.t === 'delta');
    client.socket.terminate();
    call.sink.onText('two ');
    await client.connect();
    client.send({ t: 'turn', ref: 3, s: 0, id: first, input: 'Hello' });
    expect((await client.until((frame) => frame.t === 'turn.state' && frame.ref === 3)).state).toBe('streaming');
    call.sink.onText('three');
    call.sink.onEnd('stop', 'stop');
    await client.until((frame) => frame.t === 'turn.ended');
    expect([client.text, client.ends]).toEqual(['One 😀 two three', ['completed']]);

    const second = ulid();
    client.send({ t: 'turn', s: 0, id: second, input: 'More', tools: [{ name: 'clock' }] });
    const round = await upstream.nextCall();
    round.sink.onToolCall({ id: 'c', name: 'clock', arguments: '{}' });
    round.sink.onEnd('tool_calls', undefined);
    const asked = await client.until((frame) => frame.t === 'tool.call');
    client.send({ t: 'tool.result', s: 0, turn: second, call: asked.call, output: '12:00' });
    const after = await upstream.nextCall();
    after.sink.onText('It is noon');
    client.send({ t: 'cancel', ref: 4, s: 0, turn: second });
    expect((await client.until((frame) => frame.t === 'cancelling')).upstream).toBe('aborting');
    expect((await client.until((frame) => frame.t === 'turn.ended')).usage.source).toBe('counted');
    expect(client.ends).toEqual(['completed', 'cancelled']);

    client.send({ t: 'history', ref: 5, s: 0 });
    const page = await client.until((frame) => frame.t === 'history');
    expect(page.turns.map((turn: any) => turn.text)).toEqual(['It is noon', 'One 😀 two three']);
    client.send({ t: 'delete', ref: 6, s: 0 });
    expect((await client.until((frame) => frame.t === 'deleted')).ref).toBe(6);
    client.socket.close();
  });

  test('gets the whole log again when its cursor is of another epoch', async () => {
    const upstream = createScriptedUpstream(answerWith(['same', ' text']));
    const gateway = await startTestGateway({ transport, upstreamObjects: [upstream] });
    const client = new StrangerClient(gateway.url);
    await client.connect('mine');
    client.send({ t: 'turn', s: 0, id: ulid(), input: 'x' });
    await client.until((frame) => frame.t === 'turn.ended');
    client.socket.close();
    client.epoch = 'of another life';
    client.cursor = 3;
    await client.connect('mine');
    expect([client.text, client.ends]).toEqual(['same text', ['completed']]);
  });
});
