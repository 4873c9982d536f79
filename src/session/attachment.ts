import type { DownFrame } from '../../protocol/down.ts';
import type { LogEvent } from './log-event.ts';
import { endOf } from './log-event.ts';

/** What a session needs of the socket that follows it. */
export interface Follower {
  /** True while the socket has more unsent bytes than it should; the session then holds its events back. */
  readonly congested: boolean;
  sendFrame(frame: DownFrame): void;
  sendEvent(alias: number, event: LogEvent): void;
  /** The session is gone: the alias is free again. */
  forget(alias: number): void;
  /** What it was to be sent next is not there any more: it must attach again. */
  overtaken(): void;
}

/** `node`: another node, for its own sockets. */
export type AttachmentRole = 'writer' | 'viewer' | 'node';

/** One socket that follows one session, with its own cursor. */
export class Attachment {
  readonly follower: Follower;
  readonly alias: number;
  readonly role: AttachmentRole;
  /** Next position to send. */
  cursor: number;
  /** Whether `live` was said, so that events may be sent as they happen. */
  live = false;
  detached = false;
  /** A replay is under way; it goes on by itself. */
  pumping = false;
  /** Replays one after another that the store did not serve. */
  failedReplays = 0;
  /** Frames that may only follow the events before a position. */
  #after: { position: number; frame: DownFrame }[] | undefined;
  #lagging = false;

  constructor(follower: Follower, alias: number, role: AttachmentRole, cursor: number) {
    this.follower = follower;
    this.alias = alias;
    this.role = role;
    this.cursor = cursor;
  }

  send(event: LogEvent): void {
    this.cursor = endOf(event);
    this.follower.sendEvent(this.alias, event);
    if (this.#after !== undefined) this.#releaseFrames();
  }

  /** Sends an ephemeral frame once every event before `position` was sent. */
  sendAfter(position: number, frame: DownFrame): void {
    if (this.cursor >= position) {
      this.follower.sendFrame(frame);
    } else {
      this.#after ??= [];
      this.#after.push({ position, frame });
    }
  }

  /** Tells the client once that it reads too slowly; told again only after it caught up. */
  markLagging(): void {
    if (this.#lagging || !this.live) return;
    this.#lagging = true;
    this.follower.sendFrame({ t: 'lagging', s: this.alias, pos: this.cursor });
  }

  caughtUp(): void {
    this.#lagging = false;
    if (this.live) return;
    this.live = true;
    this.follower.sendFrame({ t: 'live', s: this.alias, pos: this.cursor });
  }

  #releaseFrames(): void {
    const ready = this.#after!.filter(({ position }) => position <= this.cursor);
    const waiting = this.#after!.filter(({ position }) => position > this.cursor);
    this.#after = waiting.length === 0 ? undefined : waiting;
    for (const { frame } of ready) this.follower.sendFrame(frame);
  }
}
