import { onTestFinished } from 'vitest';
import type { DownFrame, EventFrame } from '../../protocol/down.ts';
import type { Attach, Attached } from '../../protocol/frames/attach.ts';
import type { ErrorFrame, Goaway } from '../../protocol/frames/connection.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import { isEvent } from './assembled-text.ts';
import { RawClient } from './raw-client.ts';

/** What one socket was told of one session, from `attached` on. */
export interface SocketLife {
  node: string;
  /** The cursor it gave. */
  after: number | undefined;
  attached: Attached;
  events: EventFrame[];
}

export interface ObserverOptions {
  /** Where to connect now; asked anew for every attempt. */
  url(): string;
  sessions: readonly string[];
  /** In [0, 1): spreads what a client does in a time of its own choice. */
  random(): number;
  /** Reads the log from its beginning whenever it connects again, as a page that was loaded anew. */
  rereads?: boolean;
}

/** Between two attempts to connect, milliseconds. */
const againMs = 25;

/** One socket of an observer, with what it follows by alias. */
interface Link {
  client: RawClient | undefined;
  /** Nothing of it is wanted any more: the observer moved or stopped. */
  isLeft: boolean;
  lives: (SocketLife | undefined)[];
  waiting: number;
}

/**
 * A client as PROTOCOL.md wants one, that writes everything down: it follows sessions on one socket, connects again with
 * its cursors, and moves when it is told to go. What each of its sockets was told stays apart, for the checker.
 */
export class Observer {
  readonly lives = new Map<string, SocketLife[]>();
  readonly goaways: Goaway[] = [];
  readonly errors: ErrorFrame[] = [];
  /** Of sockets that the gateway closed. */
  readonly closeCodes: number[] = [];
  /** How often it moved in the time it was given, before its old socket was closed. */
  moves = 0;
  /** When an event came on another socket than the first, by session; milliseconds of `performance.now()`. */
  readonly wentOnMs = new Map<string, number>();
  readonly #options: ObserverOptions;
  readonly #cursors = new Map<string, number>();
  readonly #ends = new Map<string, Set<string>>();
  #link: Link | undefined;
  #stopped = false;
  #onReady: () => void = () => {};

  private constructor(options: ObserverOptions) {
    this.#options = options;
    for (const session of options.sessions) {
      this.lives.set(session, []);
      this.#ends.set(session, new Set());
    }
    onTestFinished(() => this.stop());
  }

  /** Follows the sessions, which are made where they do not exist; resolves when each is attached. */
  static async start(options: ObserverOptions): Promise<Observer> {
    const observer = new Observer(options);
    const ready = new Promise<void>((resolve) => {
      observer.#onReady = resolve;
    });
    void observer.#connect();
    await ready;
    return observer;
  }

  get sessions(): readonly string[] {
    return this.#options.sessions;
  }

  /** The position after the last event. */
  cursorOf(session: string): number {
    return this.#cursors.get(session) ?? 0;
  }

  hasEnded(session: string, turn: string): boolean {
    return this.#ends.get(session)!.has(turn);
  }

  /** Sends on the socket of now; nothing when there is none. */
  send(session: string, frame: Omit<TurnFrame, 't' | 's'>): void {
    this.#link?.client?.send({ t: 'turn', s: this.#options.sessions.indexOf(session), ...frame });
  }

  /** Drops the socket without a handshake; it connects again by itself. */
  drop(): void {
    this.#link?.client?.socket.terminate();
  }

  stop(): void {
    this.#stopped = true;
    this.#link?.client?.socket.terminate();
  }

  async #connect(): Promise<void> {
    while (!this.#stopped) {
      const link: Link = { client: undefined, isLeft: false, lives: [], waiting: this.#options.sessions.length };
      const url = this.#options.url();
      const asked = this.#options.sessions.map((_session, s) => this.#attachFrame(s));
      try {
        link.client = await RawClient.open(url, { onFrame: (frame) => this.#receive(link, url, asked, frame) });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, againMs));
        continue;
      }
      void link.client.closed.then(({ code }) => this.#lost(link, code));
      // the attaches at once, as a client that wants to be back in one round trip
      link.client.send({ t: 'hello', client: { name: 'observer' } }, ...asked.slice(0, 60));
      for (let at = 60; at < asked.length; at += 60) link.client.send(...asked.slice(at, at + 60));
      return;
    }
  }

  #attachFrame(s: number): Attach {
    const session = this.#options.sessions[s]!;
    const epoch = this.lives.get(session)!.at(-1)?.attached.epoch;
    const after = this.#options.rereads === true ? 0 : this.cursorOf(session);
    const known = epoch === undefined ? { create: {} } : { epoch, after };
    return { t: 'attach', ref: s, s, session, ...known };
  }

  #receive(link: Link, node: string, asked: readonly Attach[], frame: DownFrame): void {
    if (frame.t === 'goaway') return this.#goAway(link, frame);
    if (frame.t === 'error') return this.#refused(link, asked, frame);
    if (frame.t === 'attached') {
      const life = { node, after: asked[frame.s]!.after, attached: frame, events: [] };
      link.lives[frame.s] = life;
      this.lives.get(this.#options.sessions[frame.s]!)!.push(life);
      if (frame.outcome !== 'resumed') this.#cursors.set(frame.session, frame.from);
      if (--link.waiting === 0) this.#adopt(link);
    } else if (isEvent(frame)) {
      this.#write(link.lives[frame.s]!, frame);
    }
  }

  /** An attach that the node cannot serve now is sent again; of turns the test hears in `errors`. */
  #refused(link: Link, asked: readonly Attach[], frame: ErrorFrame): void {
    this.errors.push(frame);
    if (frame.ref === undefined || frame.ref !== frame.s || !frame.retryable) return;
    setTimeout(() => {
      if (!link.isLeft) link.client!.send(asked[frame.ref!]!);
    }, againMs);
  }

  #write(life: SocketLife, event: EventFrame): void {
    life.events.push(event);
    const { session } = life.attached;
    const end = event.pos + (event.t === 'delta' ? event.text.length : 1);
    // while it moves, two sockets tell the same
    if (end <= this.cursorOf(session)) return;
    this.#cursors.set(session, end);
    if (event.t === 'turn.ended') this.#ends.get(session)!.add(event.turn);
    const lives = this.lives.get(session)!;
    if (lives.length > 1 && !this.wentOnMs.has(session)) this.wentOnMs.set(session, performance.now());
  }

  /** Every session follows on the new socket: the old one is left. */
  #adopt(link: Link): void {
    const old = this.#link;
    this.#link = link;
    this.#onReady();
    if (old === undefined || old.isLeft) return;
    old.isLeft = true;
    if (old.client!.socket.readyState === old.client!.socket.OPEN) this.moves++;
    old.client!.socket.close();
  }

  #goAway(link: Link, frame: Goaway): void {
    this.goaways.push(frame);
    const { minMs, maxMs } = frame.reconnect;
    const waitMs = minMs + this.#options.random() * (maxMs - minMs);
    setTimeout(() => {
      if (link === this.#link && !link.isLeft) void this.#connect();
    }, waitMs);
  }

  #lost(link: Link, code: number): void {
    if (link.isLeft || this.#stopped) return;
    this.closeCodes.push(code);
    link.isLeft = true;
    void this.#connect();
  }
}
