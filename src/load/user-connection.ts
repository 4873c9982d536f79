import type { DownFrame } from '../../protocol/index.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { AttachmentCheck } from './attachment-check.ts';
import { draw } from './distribution.ts';
import type { LoadSocket, OpenLoadSocket } from './load-socket.ts';
import type { Metrics } from './metrics.ts';
import type { Random } from './random.ts';
import type { Scenario, Tenant } from './scenario.ts';

export interface ConnectionOptions {
  environment: {
    readonly scenario: Scenario;
    readonly clock: Clock;
    readonly openSocket: OpenLoadSocket;
    readonly metrics: () => Metrics;
  };
  tenant: Tenant;
  /** Told of what is attached; it knows from where to resume. */
  check: AttachmentCheck;
  /** Whether it stops reading now and then. */
  isSlow: boolean;
  random: Random;
  /** Of the socket that is in use; those before it are not heard any more. */
  onFrame: (frame: DownFrame, atMs: number) => void;
  onLive: (atMs: number) => void;
  onClose: (code: number, failure: string | undefined, wasLive: boolean) => void;
}

/** A session that was made, and how to come back to it. */
export interface MadeSession {
  id: string;
  epoch: string;
  cursor: number;
  key: string | undefined;
}

/** One user's way to its session, over one socket after the other. */
export class UserConnection {
  readonly #options: ConnectionOptions;
  #socket: LoadSocket | undefined;
  #number = 0;
  #session: { id: string; epoch: string } | undefined;
  #sinceMs = 0;
  #isResuming = false;
  #isLive = false;
  #slowTimer: Timer | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  get made(): MadeSession | undefined {
    const { check, tenant } = this.#options;
    return this.#session && { ...this.#session, cursor: check.cursor, key: tenant.key };
  }

  /** @param sinceMs from which the time to connect counts */
  open(sinceMs: number): void {
    const { environment, onClose } = this.#options;
    const number = ++this.#number;
    const isCurrent = (): boolean => number === this.#number;
    this.#sinceMs = sinceMs;
    this.#socket = environment.openSocket({
      onOpen: () => isCurrent() && this.#greet(),
      onFrame: (frame, atMs) => isCurrent() && this.#onFrame(frame, atMs),
      onMessage: (bytes) => {
        const { counts } = environment.metrics();
        counts.messagesIn++;
        counts.bytesIn += bytes;
      },
      onInvalid: () => environment.metrics().tally('violations', 'invalid_frame'),
      onClose: (code, failure) => {
        if (!isCurrent()) return;
        const wasLive = this.#isLive;
        this.drop();
        onClose(code, failure, wasLive);
      },
    });
  }

  send(frames: Parameters<LoadSocket['send']>[0]): void {
    this.#options.environment.metrics().counts.bytesOut += this.#socket?.send(frames) ?? 0;
  }

  /** Loses the socket, as when a network is lost. */
  drop(): void {
    const socket = this.#abandon();
    this.#socket = undefined;
    socket?.drop();
  }

  close(): void {
    const socket = this.#abandon();
    socket?.resume();
    socket?.close();
  }

  #abandon(): LoadSocket | undefined {
    this.#slowTimer?.cancel();
    this.#isLive = false;
    this.#number++;
    return this.#socket;
  }

  #greet(): void {
    const { tenant, check, environment } = this.#options;
    const { system, model } = environment.scenario;
    const settings = { ...(system === undefined ? {} : { system }), ...(model === undefined ? {} : { model }) };
    this.#isResuming = this.#session !== undefined;
    const resumed = this.#session && { session: this.#session.id, epoch: this.#session.epoch, after: check.cursor };
    const auth = tenant.key === undefined ? {} : { auth: { key: tenant.key } };
    this.send([
      { t: 'hello', client: { name: 'parley-bench' }, ...auth },
      { t: 'attach', ref: 1, s: 0, ...(resumed ?? { create: { settings } }) },
    ]);
  }

  #onFrame(frame: DownFrame, atMs: number): void {
    const { check, onFrame } = this.#options;
    if (frame.t === 'attached') {
      check.attached(frame);
      this.#session = { id: frame.session, epoch: frame.epoch };
    } else if (frame.t === 'live') {
      this.#goLive(atMs);
    }
    onFrame(frame, atMs);
  }

  #goLive(atMs: number): void {
    const { environment, isSlow, onLive } = this.#options;
    const { timings, counts } = environment.metrics();
    if (this.#isResuming) counts.resumes++;
    else counts.connects++;
    timings[this.#isResuming ? 'resume' : 'connect'].record(atMs - this.#sinceMs);
    this.#isLive = true;
    if (isSlow) this.#readSlowly();
    onLive(atMs);
  }

  #readSlowly(): void {
    const { environment, random } = this.#options;
    const { clock, scenario } = environment;
    const socket = this.#socket;
    const pause = (): void => {
      socket?.pause();
      this.#slowTimer = clock.setTimer(read, draw(scenario.slowReaders!.pauseMs, random));
    };
    const read = (): void => {
      socket?.resume();
      this.#slowTimer = clock.setTimer(pause, draw(scenario.slowReaders!.readMs, random));
    };
    read();
  }
}
