import type { Codec } from '../../protocol/codec.ts';
import type { DownFrame } from '../../protocol/down.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { Socket } from '../transport/contract.ts';
import { congestedBytes } from '../transport/contract.ts';
import { encodeEvent } from './event-encoder.ts';
import { holdsBack } from './send-together.ts';

/** What the way out needs of its connection: an object that is there anyway, as there is one of each per idle socket. */
export interface OutboxHost {
  readonly clock: Clock;
  readonly slowConsumerMs: number;
  /** The socket took no more for too long, or lost a message: it cannot go on. */
  onSlowConsumer(): void;
}

/** The way out of a connection: encodes, sends, and knows when the socket is full. */
export class Outbox {
  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #host: OutboxHost;
  #congested = false;
  #slowTimer: Timer | undefined;
  #held: (Uint8Array | string)[] | undefined;

  constructor(socket: Socket, codec: Codec, host: OutboxHost) {
    this.#socket = socket;
    this.#codec = codec;
    this.#host = host;
  }

  get congested(): boolean {
    return this.#congested;
  }

  sendFrame(frame: DownFrame): void {
    this.#write(this.#codec.encode(frame));
  }

  sendEvent(alias: number, event: LogEvent): void {
    this.#write(encodeEvent(this.#codec, alias, event));
  }

  drained(): void {
    this.#congested = false;
    this.#slowTimer?.cancel();
    this.#slowTimer = undefined;
  }

  /** Sends what waits for the end of `sendTogether`. */
  sendHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    if (held.length === 1) return this.#send(held[0]!);
    this.#socket.cork(() => {
      for (const message of held) this.#send(message);
    });
  }

  #write(message: Uint8Array | string): void {
    if (!holdsBack(this, this.#held !== undefined)) return this.#send(message);
    this.#held ??= [];
    this.#held.push(message);
  }

  #send(message: Uint8Array | string): void {
    const result = this.#socket.send(message);
    if (result === 'sent') return;
    if (result === 'dropped') return this.#host.onSlowConsumer();
    if (this.#congested || this.#socket.bufferedBytes() <= congestedBytes) return;
    this.#congested = true;
    this.#slowTimer = this.#host.clock.setTimer(() => this.#host.onSlowConsumer(), this.#host.slowConsumerMs);
  }
}
