import { onTestFinished } from 'vitest';
import type { Client, ConnectOptions, Session, SessionOptions } from '../../../../clients/shared/api.ts';
import { connectClient } from '../../../../clients/shared/client-handle.ts';
import { type ConnectionState, connectionSteps } from '../../../../clients/shared/connection-state.ts';
import type { ClientSocket, SocketHandlers } from '../../../../clients/shared/environment.ts';
import { msgpackCodec } from '../../../../protocol/codec.ts';
import type { DownFrame } from '../../../../protocol/down.ts';
import { parseUpFrame } from '../../../../protocol/parse-frame.ts';
import type { UpFrame } from '../../../../protocol/up.ts';
import { createUlidMaker } from '../../../../src/lib/ulid.ts';
import { ManualClock } from './manual-clock.ts';

export type UpFrameOf<Type extends UpFrame['t']> = Extract<UpFrame, { t: Type }>;

/** One socket of the client; the test plays the gateway. */
export class FakeSocket implements ClientSocket {
  /** Frames the client sent, each checked against the schema; one entry per message. */
  readonly messages: UpFrame[][] = [];
  readonly url: string;
  readonly protocols: string[];
  ended: 'closed' | 'abandoned' | 'dropped' | undefined;
  readonly #handlers: SocketHandlers;

  constructor(url: string, protocols: string[], handlers: SocketHandlers) {
    this.url = url;
    this.protocols = protocols;
    this.#handlers = handlers;
  }

  send(message: Uint8Array | string): void {
    if (this.ended === undefined) this.messages.push(msgpackCodec.decode(message).map(parseUpFrame));
  }

  close(): void {
    this.ended ??= 'closed';
  }

  abandon(): void {
    this.ended ??= 'abandoned';
  }

  open(): void {
    this.#handlers.onOpen();
  }

  deliver(...frames: object[]): void {
    if (this.ended === undefined) this.#handlers.onMessage(msgpackCodec.encode(frames) as Uint8Array);
  }

  deliverRaw(message: Uint8Array | string): void {
    this.#handlers.onMessage(message);
  }

  drop(code = 1006, reason = ''): void {
    if (this.ended !== undefined) return;
    this.ended = 'dropped';
    this.#handlers.onClose(code, reason);
  }

  /** All frames of a type that the client sent here. */
  all<Type extends UpFrame['t']>(type: Type): UpFrameOf<Type>[] {
    return this.messages.flat().filter((frame): frame is UpFrameOf<Type> => frame.t === type);
  }

  last<Type extends UpFrame['t']>(type: Type): UpFrameOf<Type> {
    const frame = this.all(type).at(-1);
    if (frame === undefined) throw new Error(`the client sent no ${type}`);
    return frame;
  }

  welcome(more: object = {}): void {
    this.deliver(welcomeFrame(more));
  }

  /** Answers the latest attach of an alias. */
  attached(more: Partial<Extract<DownFrame, { t: 'attached' }>> = {}): void {
    const attach = this.all('attach').findLast(({ s }) => more.s === undefined || s === more.s);
    if (attach === undefined) throw new Error('the client sent no attach');
    const { ref, s, session = 'made', after = 0 } = attach;
    this.deliver({
      t: 'attached',
      ref,
      s,
      session,
      epoch: 'e1',
      outcome: 'resumed',
      from: after,
      head: after,
      settings: {},
      ...more,
    });
  }
}

export function welcomeFrame(more: object = {}): object {
  const limits = {
    maxMessageBytes: 65_536,
    maxFramesPerMessage: 256,
    maxInputBytes: 60_000,
    maxAttachments: 64,
    maxQueuedTurns: 8,
  };
  const identity = { tenant: 'default', subject: 'anonymous', roles: [] };
  const upstream = { name: 'practice', wire: 'practice', model: 'practice' };
  return {
    t: 'welcome',
    v: 1,
    connection: 'c',
    node: 'n',
    caps: [],
    heartbeatMs: 25_000,
    limits,
    identity,
    upstream,
    ...more,
  };
}

export function endedFrame(turn: string, pos: number, more: object = {}): object {
  const usage = { input: 1, output: 2, reasoning: 0, cached: 0, source: 'counted' };
  return { t: 'turn.ended', s: 0, pos, turn, status: 'completed', usage, timing: { queuedMs: 0, totalMs: 1 }, ...more };
}

/** Promises and what hangs on them; nothing here needs real time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

export interface Scene {
  readonly clock: ManualClock;
  readonly sockets: FakeSocket[];
  readonly states: ConnectionState[];
  readonly errors: Error[];
  /** The next random numbers; 0.5 when there is none. */
  readonly randoms: number[];
  connect(options?: ConnectOptions): Promise<Client>;
  /** A client that is connected, over the first socket. */
  connected(options?: ConnectOptions): Promise<{ client: Client; socket: FakeSocket }>;
  /** The same with a session attached under alias 0. */
  attached(options?: SessionOptions): Promise<{ client: Client; socket: FakeSocket; session: Session }>;
  /** The latest socket, once it exists. */
  latest(): Promise<FakeSocket>;
}

/** A client without network and time of its own. Illegal steps between states fail the test. */
export function createScene(): Scene {
  const clock = new ManualClock();
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = ['connecting'];
  const errors: Error[] = [];
  const randoms: number[] = [];
  let client: Client | undefined;
  const scene: Scene = {
    clock,
    sockets,
    states,
    errors,
    randoms,
    async connect(options = {}) {
      const connecting = connectClient('ws://gateway/v1/socket', options, {
        codec: msgpackCodec,
        openSocket(url, protocols, handlers) {
          const socket = new FakeSocket(url, protocols, handlers);
          sockets.push(socket);
          return socket;
        },
        clock,
        random: () => randoms.shift() ?? 0.5,
        newId: createUlidMaker(() => clock.wall()),
      });
      client = await connecting;
      states.push('live');
      client.on('error', (error) => errors.push(error));
      client.on('state', (state) => {
        const from = states.at(-1)!;
        states.push(state);
        if (!connectionSteps[from].includes(state)) throw new Error(`no step from ${from} to ${state}`);
      });
      return client;
    },
    async connected(options) {
      const connecting = scene.connect(options);
      const socket = await scene.latest();
      socket.open();
      socket.welcome();
      return { client: await connecting, socket };
    },
    async attached(options) {
      const { client, socket } = await scene.connected();
      const opening = client.session('s1', undefined, options);
      await settle();
      socket.attached({ s: 0 });
      return { client, socket, session: await opening };
    },
    async latest() {
      await settle();
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error('no socket was opened');
      return socket;
    },
  };
  onTestFinished(async () => void (await client?.close()));
  return scene;
}
