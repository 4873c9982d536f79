import { msgpackCodec } from '../../protocol/codec.ts';
import type { DownFrame } from '../../protocol/down.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { subprotocols } from '../../protocol/version.ts';
import { createUlidMaker } from '../../src/lib/ulid.ts';
import { RawWebSocket } from './clients/raw-web-socket.ts';

export const newTurnId = createUlidMaker(() => Date.now());

/** One socket with one attached session: as little work per frame as possible, so that the gateway is what is measured. */
export class BenchClient {
  readonly socket: RawWebSocket;
  onFrame: (frame: DownFrame) => void = () => {};
  attached: Extract<DownFrame, { t: 'attached' }> | undefined;

  private constructor(socket: RawWebSocket) {
    this.socket = socket;
    socket.onMessage = (data) => {
      for (const frame of msgpackCodec.decode(data)) this.onFrame(frame as DownFrame);
    };
  }

  /** Hello and attach in one message; resolves when the session is live. */
  static async open(
    url: string,
    { key, session, resume }: { key?: string; session?: string; resume?: { epoch: string; after: number } } = {},
  ): Promise<BenchClient> {
    const client = new BenchClient(await RawWebSocket.open(`${url}/v1/socket`, subprotocols.msgpack));
    const live = new Promise<void>((resolve, reject) => {
      client.onFrame = (frame) => {
        if (frame.t === 'attached') client.attached = frame;
        if (frame.t === 'live') resolve();
        if (frame.t === 'error') reject(new Error(`The gateway answered: ${frame.message}`));
      };
      client.socket.onClose = (code) => reject(new Error(`The gateway closed a connection with ${code}.`));
    });
    client.send(
      { t: 'hello', ...(key === undefined ? {} : { auth: { key } }) },
      { t: 'attach', ref: 1, s: 0, session, create: {}, ...resume },
    );
    await live;
    return client;
  }

  send(...frames: UpFrame[]): void {
    this.socket.send(msgpackCodec.encode(frames.length === 1 ? frames[0]! : frames));
  }
}
