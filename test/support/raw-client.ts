import { WebSocket } from 'ws';
import { codecFor } from '../../protocol/codec.ts';
import type { DownFrame } from '../../protocol/down.ts';
import { downSchema } from '../../protocol/down.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { type Encoding, subprotocols } from '../../protocol/version.ts';

export type FrameOf<Type extends DownFrame['t']> = Extract<DownFrame, { t: Type }>;

interface Waiter {
  test(frame: DownFrame): boolean;
  resolve(frame: DownFrame): void;
  reject(error: Error): void;
}

export interface RawClientOptions {
  encoding?: Encoding;
  headers?: Record<string, string>;
  /** Default: `[subprotocol of the encoding]`. */
  protocols?: string[];
  /** Called with every frame as it comes. */
  onFrame?: (frame: DownFrame) => void;
}

/** A client that keeps every frame it gets, each checked against the schema. */
export class RawClient {
  readonly frames: DownFrame[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #encoding: Encoding;
  readonly #onFrame: RawClientOptions['onFrame'];
  #waiters: Waiter[] = [];
  /** Frames before this were already answered to `next`. */
  #taken = 0;

  private constructor(url: string, options: RawClientOptions) {
    this.#encoding = options.encoding ?? 'msgpack';
    this.#onFrame = options.onFrame;
    const protocols = options.protocols ?? [subprotocols[this.#encoding]];
    this.socket = new WebSocket(url, protocols, { headers: options.headers ?? {}, perMessageDeflate: false });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        const waiters = this.#waiters;
        this.#waiters = [];
        for (const waiter of waiters)
          waiter.reject(new Error(`closed with ${code} ${reason.toString()} while waiting`));
        resolve({ code, reason: reason.toString() });
      });
    });
    this.socket.on('message', (data: Buffer, isBinary: boolean) =>
      this.#receive(isBinary ? data : data.toString('utf8')),
    );
  }

  /** Opens a socket to a gateway's `http://host:port`. */
  static async open(url: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(`${url.replace(/^http/, 'ws')}/v1/socket`, options);
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
      client.socket.once('unexpected-response', (_request, response) =>
        reject(new Error(`refused with ${response.statusCode}`)),
      );
    });
    client.socket.on('error', () => {});
    return client;
  }

  /** Opens a socket and says hello. */
  static async connect(url: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(url, options);
    client.send({ t: 'hello', client: { name: 'test' } });
    await client.next('welcome');
    return client;
  }

  send(...frames: UpFrame[]): void {
    this.sendRaw(codecFor(this.#encoding).encode(frames.length === 1 ? frames[0]! : frames));
  }

  sendRaw(data: Uint8Array | string): void {
    this.socket.send(data);
  }

  /** Attaches and waits for the replay to end. */
  async attach(frame: Omit<Extract<UpFrame, { t: 'attach' }>, 't'>): Promise<FrameOf<'attached'>> {
    this.send({ t: 'attach', ...frame });
    const attached = await this.next('attached', (answer) => answer.ref === frame.ref);
    await this.next('live', (live) => live.s === frame.s);
    return attached;
  }

  /** The next frame of a type that was not answered before; frames in between are skipped (they stay in `frames`). */
  async next<Type extends DownFrame['t']>(
    type: Type,
    test: (frame: FrameOf<Type>) => boolean = () => true,
  ): Promise<FrameOf<Type>> {
    const matches = (frame: DownFrame): boolean => frame.t === type && test(frame as FrameOf<Type>);
    for (let i = this.#taken; i < this.frames.length; i++) {
      if (!matches(this.frames[i]!)) continue;
      this.#taken = i + 1;
      return this.frames[i] as FrameOf<Type>;
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({
        test: matches,
        resolve: (frame) => {
          this.#taken = this.frames.length;
          resolve(frame as FrameOf<Type>);
        },
        reject: (error) => reject(new Error(`${error.message} for ${type}`)),
      });
    });
  }

  /** All frames of a type so far. */
  all<Type extends DownFrame['t']>(type: Type): FrameOf<Type>[] {
    return this.frames.filter((frame): frame is FrameOf<Type> => frame.t === type);
  }

  /** Forgets the frames so far. */
  restart(): void {
    this.frames.length = 0;
    this.#taken = 0;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  /** Drops the connection without a handshake. */
  async drop(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  #receive(data: Uint8Array | string): void {
    for (const value of codecFor(this.#encoding).decode(data)) {
      const frame = downSchema.parse(value) as DownFrame;
      this.frames.push(frame);
      this.#onFrame?.(frame);
      const ready = this.#waiters.filter((waiter) => waiter.test(frame));
      this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
      for (const waiter of ready) waiter.resolve(frame);
    }
  }
}
