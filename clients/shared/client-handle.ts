import type { DownFrame } from '../../protocol/down.ts';
import type { Attach } from '../../protocol/frames/attach.ts';
import type { ErrorFrame } from '../../protocol/frames/connection.ts';
import type { Settings } from '../../protocol/frames/common.ts';
import type { Auth, Welcome } from '../../protocol/frames/hello.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { fullJitterMs } from '../../src/lib/backoff.ts';
import { abortable } from './abort.ts';
import type { Client, ClientEvents, ConnectOptions, Session, SessionOptions, UnsentTurn } from './api.ts';
import { backoff, Connection, type ConnectionOwner } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Credentials } from './credentials.ts';
import { createDeferred } from './deferred.ts';
import { Emitter } from './emitter.ts';
import type { ClientEnvironment } from './environment.ts';
import type { Link } from './link.ts';
import { ParleyError } from './parley-error.ts';
import { Renewal } from './renewal.ts';
import { SessionHandle, type SessionHost } from './session-handle.ts';

const defaultConnectMs = 10_000;

/**
 * Connects and resolves when the gateway said welcome. Rejects with `ParleyError` (`connection_failed`, `unauthorized`,
 * …) or with the signal's reason.
 */
export async function connectClient(
  url: string,
  options: ConnectOptions,
  environment: ClientEnvironment,
): Promise<Client> {
  options.signal?.throwIfAborted();
  const client = new ClientHandle(url, options, environment);
  return abortable(client.connected.promise, options.signal, () => void client.close());
}

class ClientHandle extends Emitter<ClientEvents> implements Client, ConnectionOwner, SessionHost {
  readonly connected = createDeferred<Client>();
  welcome: Welcome | undefined;
  readonly #environment: ClientEnvironment;
  readonly #options: ConnectOptions;
  readonly #connection: Connection;
  readonly #renewal: Renewal;
  /** By alias. */
  readonly #sessions = new Map<number, SessionHandle>();
  #lastRef = 0;
  #unsent: UnsentTurn[] = [];

  constructor(url: string, options: ConnectOptions, environment: ClientEnvironment) {
    super();
    this.#environment = environment;
    this.#options = options;
    const { attempts = 1, connectMs = defaultConnectMs } = options;
    const credentials = new Credentials(options.auth);
    this.#connection = new Connection({ url, environment, credentials, connectMs, attempts }, this);
    this.#renewal = new Renewal({
      credentials,
      clock: environment.clock,
      nextRef: () => this.nextRef(),
      send: (frame) => this.#connection.send([frame]),
    });
    this.#connection.start();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  async session(id?: string, settings?: Settings, options: SessionOptions = {}): Promise<Session> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.state === 'closed') throw closedError();
    let session = [...this.#sessions.values()].find((known) => known.id === id);
    if (session === undefined) {
      let alias = 0;
      while (this.#sessions.has(alias)) alias++;
      // an id made here, so that repeating the attach makes no second session
      session = new SessionHandle(id ?? this.newId(), alias, settings, options, this);
      this.verify(session.attachFrame(0));
      this.#sessions.set(alias, session);
      this.attach(session, 0);
    }
    const opened = session;
    await abortable(opened.opened.promise, signal, () => opened.detach());
    return opened;
  }

  async close(): Promise<{ unsent: UnsentTurn[] }> {
    this.#connection.close();
    this.#endSessions(closedError());
    this.connected.reject(closedError());
    return { unsent: this.#unsent };
  }

  check(): void {
    this.#connection.check();
  }

  newId(): string {
    return this.#environment.newId();
  }

  nextRef(): number {
    return ++this.#lastRef;
  }

  send(frames: UpFrame[]): boolean {
    return this.#connection.send(frames);
  }

  attach(session: SessionHandle, attempt: number): void {
    for (const link of this.#connection.links)
      this.#attachOn(link, session, attempt === 0 ? 0 : this.#jitterMs(attempt));
  }

  release(session: SessionHandle): void {
    this.#sessions.delete(session.alias);
    for (const link of this.#connection.links) link.attachments.delete(session.alias);
  }

  greeting(link: Link, auth: Auth | undefined): UpFrame[] {
    const attaches = [...this.#sessions.values()].map((session) => this.#attachFrame(link, session));
    return [{ t: 'hello', client: this.#options.client, auth }, ...attaches];
  }

  requests(): UpFrame[] {
    return [...this.#sessions.values()].flatMap((session) => session.requests.frames());
  }

  onFrame(link: Link, frame: DownFrame): void {
    if (frame.t === 'welcome') {
      this.welcome = frame;
      this.#renewal.plan(frame.expiresAt);
      this.emit('welcome', frame);
    } else if (frame.t === 'authenticated') {
      if (this.#renewal.answered(frame)) this.#renewal.plan(frame.expiresAt);
    } else if (frame.t === 'error') {
      this.#onError(link, frame);
    } else if ('s' in frame) {
      this.#onSessionFrame(link, frame);
    }
  }

  onBeat(link: Link): void {
    link.send([...this.#sessions.values()].flatMap((session) => session.ackFrames()));
  }

  onState(state: ConnectionState): void {
    if (state === 'live') this.connected.resolve(this);
    if (state === 'closed') this.#renewal.stop();
    this.emit('state', state);
  }

  onFault(error: ParleyError): void {
    this.emit('error', error);
  }

  onFailed(error: ParleyError): void {
    this.connected.reject(error);
    this.#endSessions(error);
    this.emit('error', error);
  }

  /** What would make the gateway close the connection is refused here, to the request alone. */
  verify(frame: UpFrame): void {
    let message: Uint8Array | string;
    try {
      message = this.#environment.codec.encode(frame);
      this.#environment.codec.decode(message);
    } catch (error) {
      throw ParleyError.from(error, 'malformed_message');
    }
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    if (bytes.length > (this.welcome?.limits.maxMessageBytes ?? bytes.length)) {
      throw new ParleyError('input_too_large', 'The input is larger than the gateway allows.');
    }
  }

  #onSessionFrame(link: Link, frame: Extract<DownFrame, { s: number }>): void {
    const session = this.#sessions.get(frame.s);
    const attachment = link.attachments.get(frame.s);
    if (session === undefined || attachment === undefined) return;
    if (frame.t !== 'attached') {
      // of an attachment before this one, or of a life of the log that is over
      if (attachment.epoch === session.epoch) session.receive(frame);
      return;
    }
    if (frame.ref !== attachment.ref) return;
    attachment.epoch = frame.epoch;
    session.receive(frame);
    if (attachment.resend) for (const request of session.requests.frames()) link.send([request]);
    attachment.resend = false;
  }

  #onError(link: Link, frame: ErrorFrame): void {
    const { s, ref, code } = frame;
    if (s === undefined && this.#renewal.answered(frame)) return;
    const session = s === undefined ? undefined : this.#sessions.get(s);
    const attachment = s === undefined ? undefined : link.attachments.get(s);
    if (session !== undefined && attachment !== undefined && ref === attachment.ref) {
      return this.#onAttachError(link, session, frame);
    }
    if (session !== undefined && code === 'alias_unknown') {
      if (attachment === undefined) this.#attachOn(link, session, 0);
      link.attachments.get(session.alias)!.resend = true;
    } else if (code === 'draining') {
      // requests stay open and go with the next connection
      this.#connection.drain(link, { minMs: 0, maxMs: backoff.baseMs });
    } else if (session?.refused(frame) !== true && ref === undefined) {
      this.emit('error', ParleyError.told(frame));
    }
  }

  #onAttachError(link: Link, session: SessionHandle, frame: ErrorFrame): void {
    if (frame.retryable && session.outcome !== undefined) {
      this.#attachOn(link, session, Math.max(frame.retryAfterMs ?? 0, this.#jitterMs(2)));
    } else if (frame.code === 'session_not_found') {
      session.erased();
    } else {
      session.fail(ParleyError.told(frame));
    }
  }

  #attachOn(link: Link, session: SessionHandle, delayMs: number): void {
    const frame = this.#attachFrame(link, session);
    if (delayMs === 0) return void link.send([frame]);
    this.#environment.clock.setTimer(() => {
      // the cursor may have moved by another link
      if (link.attachments.get(session.alias)?.ref === frame.ref) link.send([session.attachFrame(frame.ref)]);
    }, delayMs);
  }

  #attachFrame(link: Link, session: SessionHandle): Attach {
    const ref = this.nextRef();
    link.attachments.set(session.alias, { ref });
    return session.attachFrame(ref);
  }

  #jitterMs(attempt: number): number {
    return fullJitterMs(attempt, backoff.baseMs, backoff.maxMs, this.#environment.random);
  }

  #endSessions(error: ParleyError): void {
    for (const session of [...this.#sessions.values()]) {
      for (const { id, status, input } of session.turns.values()) {
        if (status === 'sending' && input !== undefined) this.#unsent.push({ session: session.id, turn: id, input });
      }
      session.fail(error);
    }
  }
}

function closedError(): ParleyError {
  return new ParleyError('closed', 'The client was closed.');
}
