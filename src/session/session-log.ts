import type { LogEvent, LogEventOf, UnplacedEvent } from './log-event.ts';
import { canMerge, endOf, mergeEvents, sliceFrom } from './log-event.ts';

type DeltaKind = LogEventOf<'delta'>['kind'];

/** Longest text of one joined delta, in UTF-16 code units. */
const maxMergedLength = 8_192;

/**
 * The part of a session's log that is in memory: everything from the oldest unfinished turn on. Events get their
 * position here; they become visible when the store has them, strictly in log order. Older events are in the store.
 */
export class SessionLog {
  /** Position of the first event in memory; what is before is in the store. */
  #start: number;
  #head: number;
  #durable: number;
  /** Visible events, runs of deltas joined. */
  #visible: LogEvent[] = [];
  /** Placed, but not yet durable. */
  #fresh: LogEvent[] = [];
  /** The last event, while it is a delta that the store was not given yet. */
  #open: LogEventOf<'delta'> | undefined;
  /** What the node log has acknowledged. */
  #acknowledged: number;
  /** Events that become durable by a store call of their own, not by the node log. */
  #held: Set<LogEvent> | undefined;

  constructor(head: number) {
    this.#start = head;
    this.#head = head;
    this.#durable = head;
    this.#acknowledged = head;
  }

  get start(): number {
    return this.#start;
  }

  /** Position the next event gets. */
  get head(): number {
    return this.#head;
  }

  /** Position up to which events are durable, hence visible. */
  get durable(): number {
    return this.#durable;
  }

  /** Places an event that the node log will make durable. */
  append(event: UnplacedEvent): LogEvent {
    return this.#place(Object.assign(event, { pos: this.#head }) as LogEvent);
  }

  /** As `append`, for a part of an answer. */
  appendDelta(turn: string, kind: DeltaKind, text: string, tokens: number): LogEvent {
    const pos = this.#head;
    return this.#place(
      kind === undefined ? { t: 'delta', turn, text, tokens, pos } : { t: 'delta', turn, kind, text, tokens, pos },
    );
  }

  /** Joins a text to the last event, if that is a delta of the same turn and kind which the store was not given yet. */
  extend(turn: string, kind: DeltaKind, text: string, tokens: number): boolean {
    const open = this.#open;
    if (open === undefined || open.turn !== turn || open.kind !== kind) return false;
    if (open.text.length + text.length > maxMergedLength) return false;
    open.text += text;
    open.tokens = tokens;
    this.#head += text.length;
    return true;
  }

  /** The store is given what was placed until now. */
  seal(): void {
    this.#open = undefined;
  }

  /** Places an event that is durable only after `confirm`; nothing behind it is shown before. */
  appendHeld(event: UnplacedEvent): LogEvent {
    const placed = this.append(event);
    this.#held ??= new Set();
    this.#held.add(placed);
    return placed;
  }

  confirm(event: LogEvent): LogEvent[] {
    this.#held?.delete(event);
    if (this.#held?.size === 0) this.#held = undefined;
    this.#acknowledged = Math.max(this.#acknowledged, endOf(event));
    return this.#advance();
  }

  /** The node log has everything before `position` that is not held; answers the events that became visible. */
  acknowledge(position: number): LogEvent[] {
    this.#acknowledged = Math.max(this.#acknowledged, position);
    return this.#advance();
  }

  /** Visible events from `from` on, merged, up to about `maxLength` positions; `from` must not be before `start`. */
  read(from: number, maxLength: number): LogEvent[] {
    const events: LogEvent[] = [];
    for (let i = this.#indexOf(from); i < this.#visible.length; i++) {
      const event = sliceFrom(this.#visible[i]!, from);
      // the last run of deltas still grows, and what was read must not
      events.push(i === this.#visible.length - 1 && event.t === 'delta' ? { ...event } : event);
      if (endOf(event) - from >= maxLength) break;
    }
    return events;
  }

  /** All events of a turn that are in memory, visible or not, merged. */
  eventsOf(turn: string): LogEvent[] {
    const own = (event: LogEvent): boolean => event.turn === turn;
    return mergeEvents([...this.#visible.filter(own), ...this.#fresh.filter(own)]);
  }

  /** Takes an event that another node placed and made durable; it must be the next one. */
  adopt(event: LogEvent): void {
    if (event.pos !== this.#head || this.#fresh.length > 0)
      throw new Error(`an event at ${event.pos} does not follow ${this.#head}`);
    this.#keep(event);
    this.#head = endOf(event);
    this.#durable = this.#head;
    this.#acknowledged = this.#head;
  }

  /** Everything before `position` is in the store; memory begins there. */
  jump(position: number): void {
    if (this.#fresh.length > 0) throw new Error('a log with events on their way cannot jump');
    this.#visible = [];
    this.#start = position;
    this.#head = position;
    this.#durable = position;
    this.#acknowledged = position;
  }

  /** Drops visible events before `position`; the store has them. */
  trim(position: number): void {
    if (position <= this.#start) return;
    const index = this.#indexOf(position);
    this.#visible = this.#visible.slice(index);
    this.#start = Math.min(position, this.#durable);
  }

  #place(event: LogEvent): LogEvent {
    this.#head = endOf(event);
    this.#fresh.push(event);
    this.#open = event.t === 'delta' ? event : undefined;
    return event;
  }

  #advance(): LogEvent[] {
    let count = 0;
    for (const event of this.#fresh) {
      if (endOf(event) > this.#acknowledged || this.#held?.has(event)) break;
      count++;
    }
    if (count === 0) return [];
    const shown = this.#fresh.splice(0, count);
    for (const event of shown) this.#keep(event);
    this.#durable = endOf(shown.at(-1)!);
    return shown;
  }

  #keep(event: LogEvent): void {
    const last = this.#visible.at(-1);
    if (
      last?.t === 'delta' &&
      event.t === 'delta' &&
      last.text.length + event.text.length <= maxMergedLength &&
      canMerge(last, event)
    ) {
      last.text += event.text;
      last.tokens = event.tokens;
    } else {
      // a copy: the joined run grows, while the event itself is being sent
      this.#visible.push(event.t === 'delta' ? { ...event } : event);
    }
  }

  #indexOf(position: number): number {
    let low = 0;
    let high = this.#visible.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endOf(this.#visible[middle]!) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a position lies between the two halves of a surrogate pair of this event: no client can have stopped there. */
export function splitsPair(event: LogEvent, position: number): boolean {
  if (event.t !== 'delta' || position <= event.pos || position >= endOf(event)) return false;
  const code = event.text.charCodeAt(position - event.pos);
  return code >= 0xdc00 && code <= 0xdfff;
}
