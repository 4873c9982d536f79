import type { DownFrame } from '../../protocol/down.ts';
import type { ErrorFrame, Goaway } from '../../protocol/frames/connection.ts';
import type { Welcome } from '../../protocol/frames/hello.ts';
import { wireLimits } from '../../protocol/limits.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { subprotocols } from '../../protocol/version.ts';
import type { ClientEnvironment, ClientSocket, ClientTimer } from './environment.ts';
import { checkDownFrame } from './frame-check.ts';
import { ParleyError } from './parley-error.ts';

/** A probe's answer is expected within this, unless the heartbeat is shorter; milliseconds. */
const probeMs = 5_000;

/** What the server said about one attachment of this socket; its events count only while `epoch` is the session's. */
export interface LinkAttachment {
  /** Of the latest `attach`. */
  ref: number;
  /** Set by `attached`: what came before belongs to an earlier attachment of the alias. */
  epoch?: string | undefined;
  /** A request came before the session was attached here; requests are sent again then. */
  resend?: boolean;
}

export interface LinkOptions {
  url: string;
  environment: ClientEnvironment;
  /** From the start to `welcome`. */
  connectMs: number;
  /** The credential was asked for just now: asking again at once will not help. */
  freshAuth: boolean;
}

export interface LinkHandlers {
  onOpen(link: Link): void;
  onFrame(link: Link, frame: DownFrame): void;
  /** A message was handled, or a heartbeat is due. */
  onBeat(link: Link): void;
  onFault(error: ParleyError): void;
  /** Once, last. */
  onLost(link: Link, code: number, reason: string): void;
}

/** One socket: encoding, checks of what comes, signs of life. */
export class Link {
  /** By alias; one without `epoch` waits for its answer. */
  readonly attachments = new Map<number, LinkAttachment>();
  readonly freshAuth: boolean;
  welcome: Welcome | undefined;
  goaway: Goaway | undefined;
  /** The last error that belonged to no request: why the gateway is about to close. */
  fault: ErrorFrame | undefined;
  open = false;
  /** Open requests were sent on this link. */
  carriesRequests = false;
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #socket: ClientSocket;
  #over = false;
  #heard = false;
  #timer: ClientTimer;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.freshAuth = options.freshAuth;
    this.#timer = this.#wait(options.connectMs, () => this.#lose('no welcome came in time'));
    try {
      this.#socket = options.environment.openSocket(options.url, [subprotocols[options.environment.codec.encoding]], {
        onOpen: () => {
          if (this.#over) return;
          this.open = true;
          handlers.onOpen(this);
        },
        onMessage: (message) => this.#receive(message),
        onClose: (code, reason) => this.#end(code, reason),
      });
    } catch (error) {
      this.#timer.cancel();
      throw error;
    }
  }

  /** Welcomed, and every attach was answered. */
  get ready(): boolean {
    return this.welcome !== undefined && [...this.attachments.values()].every(({ epoch }) => epoch !== undefined);
  }

  /** Whether the frames were handed to the socket. */
  send(frames: UpFrame[]): boolean {
    if (!this.open || this.#over) return false;
    for (let i = 0; i < frames.length; i += wireLimits.maxFramesPerMessage) {
      const message = frames.slice(i, i + wireLimits.maxFramesPerMessage);
      this.#socket.send(this.#options.environment.codec.encode(message.length === 1 ? message[0]! : message));
    }
    return true;
  }

  /** Asks for a sign of life now. */
  probe(): void {
    if (this.welcome === undefined || this.#over) return;
    this.#ping(Math.min(probeMs, this.welcome.heartbeatMs || probeMs));
  }

  close(): void {
    if (this.#finish()) this.#socket.close();
  }

  #lose(reason: string): void {
    if (this.#over) return;
    this.#socket.abandon();
    this.#end(1006, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#finish()) this.#handlers.onLost(this, code, reason);
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timer.cancel();
    return true;
  }

  #receive(message: Uint8Array | string): void {
    if (this.#over) return;
    this.#heard = true;
    let values: unknown[];
    try {
      values = this.#options.environment.codec.decode(message);
    } catch (error) {
      this.#handlers.onFault(
        new ParleyError('bad_frame', 'The gateway sent a message that could not be decoded.', { cause: error }),
      );
      return this.#lose('');
    }
    for (const value of values) {
      if (this.#over) return;
      try {
        const frame = checkDownFrame(value);
        if (frame !== undefined) this.#take(frame);
      } catch (error) {
        this.#handlers.onFault(ParleyError.from(error));
      }
    }
  }

  #take(frame: DownFrame): void {
    if (frame.t === 'welcome') {
      this.welcome = frame;
      this.#timer.cancel();
      this.#rest();
    } else if (frame.t === 'goaway') {
      this.goaway = frame;
    } else if (frame.t === 'error' && frame.ref === undefined && frame.s === undefined) {
      this.fault = frame;
    }
    this.#handlers.onFrame(this, frame);
  }

  /** Any message within `withinMs` counts as an answer: a busy stream is alive. */
  #ping(withinMs: number): void {
    this.#heard = false;
    this.#timer.cancel();
    this.send([{ t: 'ping' }]);
    this.#timer = this.#wait(withinMs, () => {
      if (!this.#heard) return this.#lose('no sign of life');
      this.#beat();
    });
  }

  #rest(): void {
    const heartbeatMs = this.welcome!.heartbeatMs;
    if (heartbeatMs > 0) this.#timer = this.#wait(heartbeatMs, () => this.#beat());
  }

  #beat(): void {
    this.#handlers.onBeat(this);
    const heartbeatMs = this.welcome!.heartbeatMs;
    if (!this.#over && heartbeatMs > 0) this.#ping(heartbeatMs);
  }

  #wait(delayMs: number, callback: () => void): ClientTimer {
    return this.#options.environment.clock.setTimer(callback, delayMs);
  }
}
