import { closeAction } from '../../protocol/close-codes.ts';
import type { DownFrame } from '../../protocol/down.ts';
import type { Goaway } from '../../protocol/frames/connection.ts';
import type { Auth } from '../../protocol/frames/hello.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { fullJitterMs } from '../../src/lib/backoff.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Credentials } from './credentials.ts';
import type { ClientEnvironment, ClientTimer } from './environment.ts';
import { Link, type LinkHandlers } from './link.ts';
import { ParleyError } from './parley-error.ts';

/** Between attempts: a random time up to min(20 s, 0.5 s × 2ⁿ) (PROTOCOL.md “Close codes”). */
export const backoff = { baseMs: 500, maxMs: 20_000 } as const;

/** A connection that lasted this long counts as good: the next attempt starts the backoff anew. Milliseconds. */
const stableMs = 5_000;

export interface ConnectionOptions {
  url: string;
  environment: ClientEnvironment;
  credentials: Credentials;
  connectMs: number;
  /** Attempts at the first connection. */
  attempts: number;
}

export interface ConnectionOwner {
  /** `hello` and an `attach` for every session. */
  greeting(link: Link, auth: Auth | undefined): UpFrame[];
  /** Requests without an answer. */
  requests(): UpFrame[];
  onFrame(link: Link, frame: DownFrame): void;
  onBeat(link: Link): void;
  onState(state: ConnectionState): void;
  onFault(error: ParleyError): void;
  /** It is over; no state but `closed` follows. */
  onFailed(error: ParleyError): void;
}

/**
 * Keeps one connection: `#link` is the one in use, `#candidate` the one being made. While a node drains both exist, and
 * the old one is closed only after the new one has every session (make before break).
 */
export class Connection {
  state: ConnectionState = 'connecting';
  readonly #options: ConnectionOptions;
  readonly #owner: ConnectionOwner;
  readonly #handlers: LinkHandlers;
  #link: Link | undefined;
  #candidate: Link | undefined;
  #timer: ClientTimer | undefined;
  /** A credential is being asked for. */
  #asking = false;
  #attempt = 0;
  /** Least delay that the gateway asked for. */
  #floorMs = 0;
  #adoptedMs = 0;
  #everLive = false;

  constructor(options: ConnectionOptions, owner: ConnectionOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#handlers = {
      onOpen: () => {},
      onFrame: (link, frame) => this.#onFrame(link, frame),
      onBeat: (link) => owner.onBeat(link),
      onFault: (error) => owner.onFault(error),
      onLost: (link, code, reason) => this.#onLost(link, code, reason),
    };
  }

  /** Links that have said hello: a new session is attached on all of them. */
  get links(): Link[] {
    return [this.#link, this.#candidate].filter((link) => link?.open === true) as Link[];
  }

  /** Sends a request where its session is attached; false without a connection: it goes with the next. */
  send(frames: UpFrame[]): boolean {
    return (this.#link ?? this.#candidate)?.send(frames) ?? false;
  }

  start(): void {
    void this.#open();
  }

  check(): void {
    if (this.#link !== undefined) this.#link.probe();
    else if (this.#timer !== undefined) void this.#open();
  }

  /** The node goes away: makes another connection within the time it asks for. */
  drain(link: Link, { minMs, maxMs }: Goaway['reconnect']): void {
    if (link !== this.#link || this.state !== 'live') return;
    this.#enter('draining');
    this.#settleAttempts();
    this.#floorMs = minMs || 0;
    this.#wait(minMs + this.#options.environment.random() * Math.max(0, maxMs - minMs) || 0);
  }

  close(): void {
    if (this.state === 'closed') return;
    this.#enter('closed');
    this.#timer?.cancel();
    this.#candidate?.close();
    this.#link?.close();
    this.#candidate = this.#link = undefined;
  }

  async #open(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#asking || this.#candidate !== undefined) return;
    if (this.state === 'offline') this.#enter(this.#everLive ? 'resuming' : 'connecting');
    this.#asking = true;
    try {
      const { auth, fresh } = await this.#options.credentials.get();
      if ((this.state as string) === 'closed') return;
      // the old connection may have been lost meanwhile
      if (this.state === 'offline') this.#enter('resuming');
      const link: Link = new Link(
        { ...this.#options, freshAuth: fresh },
        { ...this.#handlers, onOpen: (opened) => this.#greet(opened, auth) },
      );
      this.#candidate = link;
    } catch (error) {
      this.#failed(new ParleyError('connection_failed', 'The connection could not be prepared.', { cause: error }));
    } finally {
      this.#asking = false;
    }
  }

  #greet(link: Link, auth: Auth | undefined): void {
    link.send(this.#owner.greeting(link, auth));
    // with an old connection still there they are under way on that one
    if (this.#link === undefined) this.#sendRequests(link);
  }

  #sendRequests(link: Link): void {
    link.carriesRequests = true;
    // each in a message of its own: together they may be over the size of a message
    for (const frame of this.#owner.requests()) link.send([frame]);
  }

  #onFrame(link: Link, frame: DownFrame): void {
    this.#owner.onFrame(link, frame);
    if (link === this.#candidate && link.ready) this.#adopt(link);
    else if (frame.t === 'goaway') this.drain(link, frame.reconnect);
  }

  #adopt(link: Link): void {
    this.#link?.close();
    this.#link = link;
    this.#candidate = undefined;
    this.#everLive = true;
    this.#floorMs = 0;
    this.#adoptedMs = this.#options.environment.clock.now();
    if (!link.carriesRequests) this.#sendRequests(link);
    this.#enter('live');
    if (link.goaway !== undefined) this.drain(link, link.goaway.reconnect);
  }

  #onLost(link: Link, code: number, reason: string): void {
    if (link === this.#candidate) {
      this.#candidate = undefined;
    } else {
      this.#link = undefined;
      this.#settleAttempts();
    }
    const { credentials } = this.#options;
    this.#floorMs = Math.max(this.#floorMs, link.fault?.retryAfterMs ?? 0);
    const error = closeError(link, code, reason);
    const action = closeAction(code);
    // a credential made just now was refused: another one would be, too
    const hopeless = !credentials.renewable || (link.freshAuth && link.welcome === undefined);
    if (action === 'stop' || (action === 'renew' && hopeless)) return this.#fail(error);
    if (action === 'renew') credentials.discard();
    this.#failed(error);
  }

  /** One way to be connected is gone; others may be left. */
  #failed(error: ParleyError): void {
    if (this.state === 'closed') return;
    if (!this.#everLive && this.#attempt + 1 >= this.#options.attempts) return this.#fail(error);
    if (this.#link === undefined) this.#enter(this.#candidate === undefined ? 'offline' : 'resuming');
    if (this.#timer !== undefined || this.#candidate !== undefined) return;
    const { random } = this.#options.environment;
    this.#wait(Math.max(this.#floorMs, fullJitterMs(this.#attempt++, backoff.baseMs, backoff.maxMs, random)));
  }

  #fail(error: ParleyError): void {
    this.close();
    this.#owner.onFailed(error);
  }

  #settleAttempts(): void {
    if (this.#options.environment.clock.now() - this.#adoptedMs >= stableMs) this.#attempt = 0;
  }

  #wait(delayMs: number): void {
    this.#timer = this.#options.environment.clock.setTimer(() => void this.#open(), delayMs);
  }

  #enter(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    this.#owner.onState(state);
  }
}

function closeError(link: Link, code: number, reason: string): ParleyError {
  const { fault } = link;
  if (fault !== undefined) return ParleyError.told(fault);
  const message = `${reason || 'The connection was closed'} (${code}).`;
  if (closeAction(code) === 'reconnect') return new ParleyError('connection_failed', message);
  if (closeAction(code) === 'renew') return new ParleyError('unauthorized', message);
  return new ParleyError('closed', message);
}
