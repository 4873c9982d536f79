import { type CloseReason, closeCodes } from '../../protocol/close-codes.ts';
import { type Codec, codecFor } from '../../protocol/codec.ts';
import type { DownFrame } from '../../protocol/down.ts';
import { errorCodes } from '../../protocol/error-codes.ts';
import type { Goaway } from '../../protocol/frames/connection.ts';
import type { Hello } from '../../protocol/frames/hello.ts';
import { wireLimits } from '../../protocol/limits.ts';
import { parseUpFrame } from '../../protocol/parse-frame.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { protocolVersion } from '../../protocol/version.ts';
import type { Identity } from '../auth/contract.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Follower } from '../session/attachment.ts';
import type { SocketPlace } from '../limits/accounting.ts';
import { errorOf } from '../limits/refusal.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { Socket, SocketHandler, UpgradeInfo } from '../transport/contract.ts';
import type { ConnectionEnvironment } from './contract.ts';
import { FrameRate } from './frame-rate.ts';
import { HeldCredential } from './held-credential.ts';
import { Outbox, type OutboxHost } from './outbox.ts';
import { SessionFrames } from './session-frames.ts';

/** A socket that was told to close gets this long for the closing handshake, milliseconds. */
const closeGraceMs = 1_000;

/** While hello is being answered, as much as so many of the largest messages is kept. */
const earlyMessages = 4;

interface Early {
  frames: UpFrame[];
  bytes: number;
}

/**
 * One socket's protocol: hello within its deadline, then any number of attached sessions. Frames of one alias are
 * handled in their order; those of different aliases do not wait for each other.
 */
export class Connection implements SocketHandler, Follower, OutboxHost {
  readonly id: string;
  readonly #socket: Socket;
  readonly #codec: Codec;
  readonly #environment: ConnectionEnvironment;
  readonly #outbox: Outbox;
  readonly #rate: FrameRate;
  #sessions: SessionFrames | undefined;
  #credential: HeldCredential | undefined;
  #place: SocketPlace | undefined;
  #greeting = false;
  #helloTimer: Timer | undefined;
  #closed = false;
  /** What came while hello was being answered. */
  #early: Early | undefined;

  constructor(socket: Socket, environment: ConnectionEnvironment) {
    this.id = environment.newConnectionId();
    this.#socket = socket;
    this.#codec = codecFor(socket.encoding);
    this.#environment = environment;
    const { clock, limits } = environment;
    this.#rate = new FrameRate(clock, limits.framesPerSecond);
    this.#outbox = new Outbox(socket, this.#codec, this);
    this.#helloTimer = clock.setTimer(() => this.close('hello_timeout', 'no hello came in time'), limits.helloMs);
  }

  get congested(): boolean {
    return this.#outbox.congested || this.#closed;
  }

  get clock(): Clock {
    return this.#environment.clock;
  }

  get slowConsumerMs(): number {
    return this.#environment.limits.slowConsumerMs;
  }

  onSlowConsumer(): void {
    this.close('slow_consumer', 'the socket reads too slowly; attach again with your cursor');
  }

  get upgrade(): UpgradeInfo {
    return this.#socket.upgrade;
  }

  onMessage(data: Uint8Array | string): void {
    if (this.#closed) return;
    const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    const { maxMessageBytes } = this.#environment.limits;
    if (size > maxMessageBytes) {
      this.close('message_too_large', `a message may have ${maxMessageBytes} bytes`);
      return;
    }
    if (this.#early !== undefined) {
      // nobody knows yet who fills the memory
      this.#early.bytes += size;
      if (this.#early.bytes > earlyMessages * maxMessageBytes)
        return this.close('limit', 'too much came before welcome');
    }
    let values: unknown[];
    try {
      values = this.#codec.decode(data);
    } catch (error) {
      this.sendError(error, {});
      this.close('protocol_error', 'a message could not be decoded');
      return;
    }
    try {
      for (const value of values) {
        if (this.#closed) return;
        if (this.#mayCome(value)) this.#receive(value);
      }
    } catch (error) {
      this.sendError(error, {});
      this.close('internal', 'the gateway failed');
    }
  }

  onDrain(): void {
    if (this.#closed) return;
    this.#outbox.drained();
    this.#sessions?.pumpAll();
  }

  onClose(code: number): void {
    this.#closed = true;
    this.#helloTimer?.cancel();
    this.#credential?.stop();
    this.#leave();
    this.#outbox.drained();
    this.#sessions?.detachAll();
    this.#environment.onClosed(this);
    this.#environment.logger.debug({ connection: this.id, code }, 'connection closed');
  }

  sendFrame(frame: DownFrame): void {
    if (!this.#closed) this.#outbox.sendFrame(frame);
  }

  sendEvent(alias: number, event: LogEvent): void {
    if (!this.#closed) this.#outbox.sendEvent(alias, event);
  }

  forget(alias: number): void {
    this.#sessions?.forget(alias);
  }

  overtaken(): void {
    this.close('slow_consumer', 'what the socket was to read next was removed meanwhile; attach again');
  }

  /** Answers a failed request; what is not a fault of the protocol is told as `internal` and logged. */
  sendError(
    error: unknown,
    about: { ref?: number | undefined; s?: number | undefined; turn?: string | undefined },
  ): void {
    const fault = error instanceof ProtocolError ? error : this.#internal(error);
    const { code, message, retryAfterMs } = fault;
    this.sendFrame({ t: 'error', ...about, code, message, retryable: errorCodes[code].retryable, retryAfterMs });
  }

  /** Credentials were revoked: closes the connection if its own was among them. */
  recheck(): void {
    if (!this.#closed) this.#credential?.holds();
  }

  goaway(frame: Omit<Goaway, 't'>): void {
    this.sendFrame({ t: 'goaway', ...frame });
  }

  close(reason: CloseReason, message: string): void {
    if (this.#closed) return;
    this.#closed = true;
    // what came before it
    this.#outbox.sendHeld();
    this.#socket.close(closeCodes[reason], message);
    this.#environment.logger.debug({ connection: this.id, reason }, 'connection is closed by the gateway');
    // a peer that reads nothing never answers the handshake
    this.#environment.clock.setTimer(() => this.#socket.terminate(), closeGraceMs);
  }

  /** Whether a frame is within the rate of the socket. */
  #mayCome(value: unknown): boolean {
    const outcome = this.#rate.take();
    if (outcome === 'answered') {
      const message = 'Frames come faster than this socket may send them.';
      this.sendError(new ProtocolError('rate_limited', message, { retryAfterMs: 1_000 }), aboutOf(value));
    } else if (outcome === 'closed') {
      this.close('limit', 'frames came faster than the socket may send them');
    }
    return outcome === 'taken';
  }

  #receive(value: unknown): void {
    let frame: UpFrame;
    try {
      frame = parseUpFrame(value);
    } catch (error) {
      this.sendError(error, aboutOf(value));
      if (!this.#greeting) this.close('protocol_error', 'the first frame must be hello');
      return;
    }
    if (frame.t === 'hello') return this.#hello(frame);
    if (this.#sessions !== undefined) return this.#sessions.handle(frame);
    if (this.#early !== undefined) {
      this.#early.frames.push(frame);
      return;
    }
    this.sendError(new ProtocolError('not_ready', 'The first frame must be hello.'), aboutOf(frame));
    this.close('protocol_error', 'the first frame must be hello');
  }

  #hello(frame: Hello): void {
    // repeating a frame is harmless
    if (this.#sessions !== undefined) return this.#welcome();
    if (this.#greeting) return;
    this.#greeting = true;
    this.#early = { frames: [], bytes: 0 };
    this.#helloTimer?.cancel();
    this.#helloTimer = undefined;
    const { authenticator } = this.#environment;
    try {
      const identity = authenticator.authenticate(frame.auth, this.#socket.upgrade);
      if (!(identity instanceof Promise)) return this.#ready(identity);
      identity.then(
        (known) => this.#ready(known),
        (error: unknown) => this.#refuse(error),
      );
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Takes its place among the sockets of whoever it is, where those are limited. */
  #ready(identity: Identity): void {
    if (this.#closed) return;
    const { tenant, subject, credential, team, tier, limits } = identity;
    const address = this.#socket.upgrade.remoteAddress;
    const spender = { subject, key: credential?.id, team, tier, address, limits };
    const place = this.#environment.socketPlace?.(tenant, this.id, spender);
    if (place === undefined) return this.#enter(identity);
    this.#place = place;
    place.take().then(
      (refusal) => {
        // gone meanwhile
        if (this.#closed) return this.#leave();
        if (refusal === undefined) return this.#enter(identity);
        this.sendError(errorOf(refusal), {});
        if (refusal.code === 'store_unavailable') this.close('overloaded', 'limits cannot be checked now');
        else this.close('limit', 'there are as many connections as there may be');
      },
      (error: unknown) => this.#refuse(error),
    );
  }

  #leave(): void {
    this.#place?.cancel().catch((error: unknown) => {
      this.#environment.logger.debug({ connection: this.id, error }, 'a place could not be given back; it lapses');
    });
  }

  #enter(identity: Identity): void {
    if (identity.limits?.framesPerSecond !== undefined) this.#rate.perSecond = identity.limits.framesPerSecond;
    this.#credential = new HeldCredential(this, identity, this.#environment);
    this.#sessions = new SessionFrames(this, this.#credential, this.#environment);
    this.#welcome();
    const { frames } = this.#early!;
    this.#early = undefined;
    for (const frame of frames) this.#sessions.handle(frame);
  }

  #refuse(error: unknown): void {
    this.sendError(error, {});
    const code = error instanceof ProtocolError ? error.code : 'internal';
    if (code === 'unauthorized') {
      this.#environment.authRefused();
      this.close('unauthorized', 'the credential was refused');
    } else if (code === 'forbidden') this.close('forbidden', 'the identity may not connect');
    else if (code === 'internal') this.close('internal', 'the gateway failed');
    // what cannot be checked now is no reason to ask for another credential
    else this.close('overloaded', 'credentials cannot be checked now');
  }

  #welcome(): void {
    const { limits, node, caps, defaultUpstream } = this.#environment;
    const { tenant, subject, roles, expiresAt } = this.#credential!.identity;
    this.sendFrame({
      t: 'welcome',
      v: protocolVersion,
      connection: this.id,
      node,
      caps: [...caps],
      heartbeatMs: limits.heartbeatMs,
      limits: {
        maxMessageBytes: limits.maxMessageBytes,
        maxFramesPerMessage: wireLimits.maxFramesPerMessage,
        maxInputBytes: limits.maxInputBytes,
        maxMediaBytes: limits.maxMediaBytes,
        maxAttachments: limits.maxAttachments,
        maxQueuedTurns: limits.maxQueuedTurns,
      },
      identity: { tenant, subject, roles: [...roles] },
      upstream: defaultUpstream(),
      expiresAt,
    });
  }

  #internal(cause: unknown): ProtocolError {
    this.#environment.logger.error({ connection: this.id, error: cause }, 'a request failed unexpectedly');
    return new ProtocolError('internal', 'The gateway failed; the operator finds the cause in its log.', { cause });
  }
}

/** Whatever of a broken frame helps its sender to find the request it belongs to. */
function aboutOf(value: unknown): { ref?: number | undefined; s?: number | undefined } {
  if (typeof value !== 'object' || value === null) return {};
  const { ref, s } = value as { ref?: unknown; s?: unknown };
  const isCount = (candidate: unknown): candidate is number =>
    Number.isSafeInteger(candidate) && (candidate as number) >= 0;
  return { ref: isCount(ref) ? ref : undefined, s: isCount(s) && s <= 65_535 ? s : undefined };
}
