import { WebSocket } from 'ws';
import { msgpackCodec } from '../../protocol/codec.ts';
import type { DownFrame } from '../../protocol/down.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { subprotocols } from '../../protocol/version.ts';
import { createUlidMaker } from '../../src/lib/ulid.ts';

export const newTurnId = createUlidMaker(() => Date.now());

export interface ClientCredential {
  key?: string;
}

/** One socket with one attached session: as little work per frame as possible, so that the gateway is what is measured. */
export class BenchClient {
  readonly socket: WebSocket;
  readonly #key: string | undefined;
  onFrame: (frame: DownFrame) => void = () => {};
  attached: Extract<DownFrame, { t: 'attached' }> | undefined;

  constructor(url: string, { key }: ClientCredential = {}) {
    this.#key = key;
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/socket`, subprotocols.msgpack, {
      perMessageDeflate: false,
    });
  }

  /** Hello and attach in one message; resolves when the session is live. */
  async open(session?: string, resume?: { epoch: string; after: number }): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', () => resolve());
      this.socket.once('error', reject);
    });
    const live = new Promise<void>((resolve, reject) => {
      this.onFrame = (frame) => {
        if (frame.t === 'attached') this.attached = frame;
        if (frame.t === 'live') resolve();
        if (frame.t === 'error') reject(new Error(`The gateway answered: ${frame.message}`));
      };
      this.socket.once('close', (code) => reject(new Error(`The gateway closed a connection with ${code}.`)));
    });
    // it may close later
    live.catch(() => {});
    this.socket.on('message', (data: Buffer) => {
      for (const frame of msgpackCodec.decode(data)) this.onFrame(frame as DownFrame);
    });
    this.send(
      { t: 'hello', ...(this.#key === undefined ? {} : { auth: { key: this.#key } }) },
      { t: 'attach', ref: 1, s: 0, session, create: {}, ...resume },
    );
    await live;
    return this;
  }

  /** A socket and nothing else. */
  static async handshake(url: string): Promise<WebSocket> {
    const { socket } = new BenchClient(url);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return socket;
  }

  send(...frames: UpFrame[]): void {
    this.socket.send(msgpackCodec.encode(frames.length === 1 ? frames[0]! : frames));
  }
}
