import type { DownFrame } from '../../protocol/down.ts';
import type { Follower } from '../session/attachment.ts';
import type { LogEvent } from '../session/log-event.ts';

/** Another node as a follower of a session: it gets the events that become visible in one turn of the event loop as one message. */
export class RemoteFollower implements Follower {
  readonly congested = false;
  readonly #sendEvents: (events: LogEvent[]) => void;
  readonly #sendFrame: (frame: DownFrame) => void;
  #pending: LogEvent[] = [];

  constructor(sendEvents: (events: LogEvent[]) => void, sendFrame: (frame: DownFrame) => void) {
    this.#sendEvents = sendEvents;
    this.#sendFrame = sendFrame;
  }

  sendFrame(frame: DownFrame): void {
    // the rest is about this attachment, not about the session
    if (frame.t === 'turn.state') this.#sendFrame(frame);
  }

  sendEvent(_alias: number, event: LogEvent): void {
    this.#pending.push(event);
    if (this.#pending.length === 1) queueMicrotask(this.#flush);
  }

  forget(): void {}

  overtaken(): void {}

  readonly #flush = (): void => {
    const events = this.#pending;
    this.#pending = [];
    this.#sendEvents(events);
  };
}
