import type { DownFrame } from '../../protocol/down.ts';
import type { Attach } from '../../protocol/frames/attach.ts';
import type { Settings } from '../../protocol/frames/common.ts';
import type { AuthFrame } from '../../protocol/frames/hello.ts';
import type { Delete, Update } from '../../protocol/frames/session.ts';
import type { ToolResultUp } from '../../protocol/frames/tool.ts';
import type { Cancel, TurnFrame } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { UpFrame } from '../../protocol/up.ts';
import type { Attachment, Follower } from '../session/attachment.ts';
import { mergeSettings } from '../session/merge-settings.ts';
import type { Session } from '../session/session.ts';
import { sessionNotFound } from '../session/session-registry.ts';
import type { SessionKey } from '../store/contract.ts';
import { StoreError } from '../store/store-error.ts';
import { eraseSession } from '../turn/erase-session.ts';
import { checkPlainValue } from './check-plain-value.ts';
import { checkCreate, checkFrame, checkTools, isChecked, maySee, mayWrite, sessionIdFor } from './check-rights.ts';
import type { ConnectionEnvironment } from './contract.ts';
import type { HeldCredential } from './held-credential.ts';
import { showHistory } from './history-frames.ts';
import { sendTogether } from './send-together.ts';
import { pinTurn, showWindow } from './window-frames.ts';

/** What the frames need of their connection. */
export interface FrameSink extends Follower {
  sendError(
    error: unknown,
    about: { ref?: number | undefined; s?: number | undefined; turn?: string | undefined },
  ): void;
}

/** What an alias stands for. */
interface Slot {
  readonly session: Session;
  readonly attachment: Attachment;
}

type SessionFrame = Exclude<UpFrame, { t: 'hello' | 'ping' | 'auth' }>;

/** Handles a connection's frames after hello: the sessions it follows, by alias. */
export class SessionFrames {
  readonly #sink: FrameSink;
  readonly #credential: HeldCredential;
  readonly #environment: ConnectionEnvironment;
  /** One in most connections, and an array of one takes a tenth of a map. */
  #slots: readonly Slot[] = [];
  /** Per alias, the frames that are being handled, one after another; there while any is. */
  #tails: Map<number, Promise<void>> | undefined;
  #closed = false;

  constructor(sink: FrameSink, credential: HeldCredential, environment: ConnectionEnvironment) {
    this.#sink = sink;
    this.#credential = credential;
    this.#environment = environment;
  }

  handle(frame: UpFrame): void {
    switch (frame.t) {
      case 'ping':
        return this.#sink.sendFrame({ t: 'pong', at: frame.at });
      case 'auth':
        return void this.#renew(frame);
      case 'hello':
        return;
      default:
        this.#inOrder(frame);
    }
  }

  pumpAll(): void {
    for (const { session, attachment } of this.#slots) void session.pump(attachment);
  }

  detachAll(): void {
    this.#closed = true;
    for (const { attachment } of this.#slots) this.#detach(attachment.alias);
  }

  forget(alias: number): void {
    this.#slots = this.#slots.filter(({ attachment }) => attachment.alias !== alias);
  }

  #slot(alias: number): Slot | undefined {
    return this.#slots.find(({ attachment }) => attachment.alias === alias);
  }

  #inOrder(frame: SessionFrame): void {
    const alias = frame.s;
    const run = async (): Promise<void> => {
      try {
        if (this.#closed || (isChecked(frame.t) && !this.#credential.holds())) return;
        checkFrame(frame.t, this.#credential.identity);
        // what the alias stands for is known only when the frames before it are done
        await this.#handle(frame, this.#slot(alias));
      } catch (error) {
        const about = { ref: 'ref' in frame ? frame.ref : undefined, s: alias, turn: turnOf(frame) };
        if (error instanceof ProtocolError && error.code === 'forbidden') this.#noteForbidden(frame, error);
        this.#sink.sendError(error instanceof StoreError ? storeUnavailable(error) : error, about);
      }
    };
    this.#tails ??= new Map();
    const tails = this.#tails;
    const before = tails.get(alias);
    const tail = before === undefined ? run() : before.then(run);
    tails.set(alias, tail);
    void tail.then(() => {
      if (tails.get(alias) !== tail) return;
      tails.delete(alias);
      if (tails.size === 0) this.#tails = undefined;
    });
  }

  #handle(frame: SessionFrame, slot: Slot | undefined): Promise<void> | void {
    switch (frame.t) {
      case 'attach':
        return this.#attach(frame, slot);
      case 'detach':
        return this.#detach(frame.s);
      case 'turn':
        return this.#turn(frame, slot);
      case 'cancel':
        return this.#cancel(frame, slot);
      case 'tool.result':
        return this.#toolResult(frame, slot);
      case 'history':
        return showHistory(this.#environment, this.#attachedSession(frame.s, slot), this.#sink, frame);
      case 'ack':
        // what was sent can be read again anyway
        return;
      case 'update':
        return this.#update(frame, slot);
      case 'delete':
        return this.#delete(frame, slot);
      case 'pin':
        return pinTurn(this.#environment, this.#writable(frame.s, slot), this.#sink, frame);
      case 'window':
        return showWindow(this.#environment, this.#attachedSession(frame.s, slot), this.#sink, frame);
    }
  }

  async #attach(frame: Attach, slot: Slot | undefined): Promise<void> {
    const { registry, limits, turns } = this.#environment;
    if (slot !== undefined && frame.session !== slot.session.key.session) {
      throw new ProtocolError(
        'alias_in_use',
        `Alias ${frame.s} follows another session; detach it first, or choose another.`,
      );
    }
    if (slot === undefined && this.#slots.length >= limits.maxAttachments) {
      throw new ProtocolError('rate_limited', `A connection follows at most ${limits.maxAttachments} sessions.`);
    }
    await turns.settled?.();
    const { session, created } = await this.#open(frame);
    try {
      // a cursor of another epoch is void, whatever comes
      const isOfEpoch = frame.epoch === undefined || frame.epoch === session.epoch;
      if (isOfEpoch && frame.after !== undefined && frame.after > session.log.durable)
        await turns.beforeAttach?.(session, frame.after);
      // a repeated attach begins anew, from the cursor it gives
      if (slot !== undefined) session.detach(slot.attachment);
      const role = mayWrite(this.#credential.identity) ? (frame.as ?? 'writer') : 'viewer';
      const { attachment, outcome } = await session.attach({
        follower: this.#sink,
        alias: frame.s,
        role,
        epoch: frame.epoch,
        after: frame.after,
      });
      if (this.#closed || session.erased) {
        session.detach(attachment);
        throw new ProtocolError('session_not_found', 'The session was erased.');
      }
      this.forget(frame.s);
      this.#slots = this.#slots.concat({ session, attachment });
      // `live` and who else is there follow at once, as far as nothing is to be read before
      sendTogether(() => {
        this.#sink.sendFrame({
          t: 'attached',
          ref: frame.ref,
          s: frame.s,
          session: session.key.session,
          epoch: session.epoch,
          // one who comes with a cursor holds something that is void
          outcome: created && outcome === 'resumed' ? 'new' : outcome,
          from: attachment.cursor,
          head: session.log.durable,
          live: liveTurns(session),
          settings: session.settings,
          pinned: session.pinned.length === 0 ? undefined : [...session.pinned],
        });
        void session.pump(attachment);
      });
    } finally {
      registry.drop(session);
    }
  }

  async #open(frame: Attach): ReturnType<ConnectionEnvironment['registry']['open']> {
    const { registry, store, newConnectionId } = this.#environment;
    const { identity } = this.#credential;
    const { tenant } = identity;
    if (frame.session !== undefined && !maySee(identity, frame.session)) {
      // as long as one that does not exist takes
      const key = { tenant, session: frame.session };
      if (registry.known(key) === undefined) await store.readSession(key);
      this.#credential.note('forbidden', { target: frame.session, reason: 'a session that it may not see' });
      throw sessionNotFound();
    }
    if (frame.session === undefined) checkCreate(identity);
    const session = frame.session ?? sessionIdFor(identity, newConnectionId);
    const create = frame.session === undefined ? (frame.create ?? {}) : frame.create;
    if (create !== undefined && identity.permissions?.includes('chat') === true) {
      this.#checkSettings({ tenant, session: session ?? '' }, create.settings ?? {});
      return registry.open({ tenant, session, create });
    }
    return registry.open({ tenant, session, create: undefined });
  }

  /** Throws `forbidden` for settings that the credential does not allow. */
  #checkSettings(key: SessionKey, settings: Settings): void {
    const { identity } = this.#credential;
    checkTools(settings.tools, identity);
    if ((settings.route ?? settings.model ?? undefined) !== undefined)
      this.#environment.checkRoute(identity, key, settings);
  }

  #detach(alias: number): void {
    const slot = this.#slot(alias);
    this.forget(alias);
    if (slot === undefined) return;
    slot.session.detach(slot.attachment);
    this.#environment.registry.release(slot.session);
  }

  async #turn(frame: TurnFrame, slot: Slot | undefined): Promise<void> {
    const session = this.#writable(frame.s, slot);
    const { identity, address } = this.#credential;
    const { settings } = session;
    checkTools(frame.tools ?? settings.tools, identity);
    this.#environment.checkRoute(identity, session.key, {
      route: frame.route ?? settings.route,
      model: frame.model ?? settings.model,
      metadata: { ...settings.metadata, ...frame.metadata },
    });
    const { subject, team, tier, credential, models, routes, limits } = identity;
    const who = { subject, team, tier, key: credential?.id, address, models, routes, limits };
    const submitted = await this.#environment.turns.submit(session, frame, who);
    if (submitted.outcome === 'accepted') return;
    const { existing } = submitted;
    const state: DownFrame =
      existing.state === 'finished'
        ? { t: 'turn.state', ref: frame.ref, s: frame.s, turn: frame.id, state: 'ended', status: existing.status }
        : {
            t: 'turn.state',
            ref: frame.ref,
            s: frame.s,
            turn: frame.id,
            state: this.#environment.turns.stateOf(session, frame.id),
          };
    this.#sink.sendFrame(state);
  }

  async #cancel(frame: Cancel, slot: Slot | undefined): Promise<void> {
    const session = this.#writable(frame.s, slot);
    const { upstream, after } = await this.#environment.turns.cancel(session, frame.turn, frame.reason, frame.heard);
    this.#slot(frame.s)?.attachment.sendAfter(after, {
      t: 'cancelling',
      ref: frame.ref,
      s: frame.s,
      turn: frame.turn,
      upstream,
    });
  }

  async #toolResult(frame: ToolResultUp, slot: Slot | undefined): Promise<void> {
    const session = this.#writable(frame.s, slot);
    const { turn, call, output, error, ref } = frame;
    if (output !== undefined && error !== undefined) {
      throw new ProtocolError('invalid_frame', 'tool.result: give “output” or “error”, not both.');
    }
    checkPlainValue(output);
    const outcome = await this.#environment.turns.toolResult(session, turn, call, output, error);
    if (outcome === 'taken') return;
    this.#sink.sendFrame({ t: 'ignored', ref, s: frame.s, turn, call, reason: 'The call was closed before.' });
  }

  async #update(frame: Update, slot: Slot | undefined): Promise<void> {
    const session = this.#writable(frame.s, slot);
    this.#checkSettings(session.key, frame.settings);
    const settings = mergeSettings(session.settings, frame.settings);
    await this.#environment.store.updateSettings(session.key, settings);
    session.settings = settings;
    this.#environment.turns.settingsChanged?.(session);
    for (const { follower, alias } of session.attachments) {
      const ref = follower === this.#sink && alias === frame.s ? frame.ref : undefined;
      follower.sendFrame({ t: 'updated', ref, s: alias, settings: session.settings });
    }
  }

  async #delete(frame: Delete, slot: Slot | undefined): Promise<void> {
    const session = this.#writable(frame.s, slot);
    await eraseSession(this.#environment, session, (follower, alias) =>
      follower === this.#sink && alias === frame.s ? frame.ref : undefined,
    );
  }

  async #renew(frame: AuthFrame): Promise<void> {
    const { ref } = frame;
    try {
      const identity = await this.#credential.renew(frame);
      this.#sink.sendFrame({ t: 'authenticated', ref, expiresAt: identity.expiresAt });
      for (const { session, attachment } of this.#slots) {
        if (maySee(identity, session.key.session)) continue;
        const { alias } = attachment;
        this.#detach(alias);
        this.#sink.sendError(sessionNotFound(), { s: alias });
      }
    } catch (error) {
      this.#sink.sendError(error, { ref });
    }
  }

  #noteForbidden(frame: SessionFrame, { message }: ProtocolError): void {
    const target = this.#slot(frame.s)?.session.key.session;
    this.#credential.note('forbidden', { target, reason: `${frame.t}: ${message}` });
  }

  #attachedSession(alias: number, slot: Slot | undefined): Session {
    if (slot === undefined || slot.session.erased) {
      throw new ProtocolError('alias_unknown', `No session is attached under alias ${alias}; send attach first.`);
    }
    return slot.session;
  }

  #writable(alias: number, slot: Slot | undefined): Session {
    const session = this.#attachedSession(alias, slot);
    if (slot?.attachment.role === 'viewer')
      throw new ProtocolError('forbidden', 'This attachment only views the session.');
    return session;
  }
}

function liveTurns(session: Session): string[] | undefined {
  return session.turns.size + session.remoteTurns.size === 0
    ? undefined
    : [...session.turns.keys(), ...session.remoteTurns];
}

function turnOf(frame: SessionFrame): string | undefined {
  if (frame.t === 'turn') return frame.id;
  return 'turn' in frame ? frame.turn : undefined;
}

function storeUnavailable(cause: StoreError): ProtocolError {
  return new ProtocolError('store_unavailable', 'The store cannot be reached now; try again.', { cause });
}
