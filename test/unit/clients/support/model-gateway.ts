import type { EventFrame } from '../../../../protocol/down.ts';
import type { UpFrame } from '../../../../protocol/up.ts';
import { endedFrame, type FakeSocket, welcomeFrame } from './scene.ts';

export interface ModelTurn {
  id: string;
  input: unknown;
  text: string;
  status: string | undefined;
  openCalls: Set<string>;
}

interface Connection {
  /** Messages of the socket that were handled. */
  handled: number;
  /** Frames on their way to the client. */
  down: object[];
  /** Alias under which the session is attached. */
  alias: number | undefined;
}

/**
 * A gateway of one session, as small as the protocol allows: frames wait in queues of their connection until the test
 * moves them, so that a connection can be lost between any two.
 */
export class ModelGateway {
  readonly turns = new Map<string, ModelTurn>();
  readonly toolResults: string[] = [];
  epoch = 'e1';
  /** Numbers in [0, 1) for the places where replays are cut and merged. */
  readonly #random: () => number;
  readonly #connections = new Map<FakeSocket, Connection>();
  readonly #tombstones = new Set<string>();
  #log: EventFrame[] = [];
  #calls = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get head(): number {
    const last = this.#log.at(-1);
    return last === undefined ? 0 : endOf(last);
  }

  get running(): ModelTurn | undefined {
    return [...this.turns.values()].find(({ status }) => status === undefined);
  }

  /** Handles the next message of a socket; false when there is none. What was on its way when it was lost is lost. */
  up(socket: FakeSocket): boolean {
    const connection = this.#of(socket);
    const message = socket.messages[connection.handled];
    if (message === undefined || socket.ended === 'dropped' || socket.ended === 'abandoned') return false;
    connection.handled++;
    for (const frame of message) this.#handle(connection, frame);
    return true;
  }

  /** Delivers up to `count` frames in one message; false when there is none. */
  down(socket: FakeSocket, count: number): boolean {
    const frames = this.#of(socket).down.splice(0, count);
    if (frames.length === 0 || socket.ended !== undefined) return false;
    socket.deliver(...frames);
    return true;
  }

  goaway(socket: FakeSocket): void {
    this.#of(socket).down.push({ t: 'goaway', reason: 'test', deadlineMs: 0, reconnect: { minMs: 0, maxMs: 2_000 } });
  }

  say(text: string): void {
    const turn = this.running;
    if (turn === undefined) return;
    turn.text += text;
    this.#append({ t: 'delta', s: 0, pos: this.head, turn: turn.id, text, tokens: turn.text.length });
  }

  callTool(): void {
    const turn = this.running;
    if (turn === undefined || turn.openCalls.size > 0) return;
    const call = `c${this.#calls++}`;
    turn.openCalls.add(call);
    this.#append({ t: 'tool.call', s: 0, pos: this.head, turn: turn.id, call, name: 'n', arguments: '{}' });
  }

  end(turn = this.running, status = 'completed'): void {
    if (turn === undefined || turn.status !== undefined) return;
    for (const call of turn.openCalls)
      this.#append({ t: 'tool.result', s: 0, pos: this.head, turn: turn.id, call, error: 'ended' });
    turn.status = status;
    this.#append(endedFrame(turn.id, this.head, { status }) as EventFrame);
  }

  #handle(connection: Connection, frame: UpFrame): void {
    const { down } = connection;
    switch (frame.t) {
      case 'hello':
        down.push(welcomeFrame({ heartbeatMs: 10_000 }));
        return;
      case 'ping':
        down.push({ t: 'pong' });
        return;
      case 'attach':
        connection.alias = frame.s;
        return this.#attach(down, frame);
      case 'turn': {
        const { id, s, ref, input } = frame;
        const known = this.turns.get(id);
        if (known !== undefined) {
          down.push({ t: 'turn.state', ref, s, turn: id, state: known.status === undefined ? 'streaming' : 'ended' });
          return;
        }
        const turn = { id, input, text: '', status: undefined, openCalls: new Set<string>() };
        this.turns.set(id, turn);
        this.#append({ t: 'turn.accepted', s, pos: this.head, turn: id, input, at: 1 });
        if (this.#tombstones.has(id)) this.end(turn, 'cancelled');
        return;
      }
      case 'cancel': {
        const turn = this.turns.get(frame.turn);
        if (turn === undefined) this.#tombstones.add(frame.turn);
        down.push({ t: 'cancelling', ref: frame.ref, s: frame.s, turn: frame.turn, upstream: 'aborting' });
        return this.end(turn ?? ({ status: 'unknown' } as ModelTurn), 'cancelled');
      }
      case 'tool.result': {
        const { ref, s, turn, call, output } = frame;
        if (this.turns.get(turn)?.openCalls.delete(call) !== true || this.turns.get(turn)!.status !== undefined) {
          down.push({ t: 'ignored', ref, s, turn, call, reason: 'closed' });
          return;
        }
        this.toolResults.push(call);
        return this.#append({ t: 'tool.result', s, pos: this.head, turn, call, output });
      }
      default:
    }
  }

  #attach(down: object[], { ref, s, session, after, epoch }: Extract<UpFrame, { t: 'attach' }>): void {
    const valid = after === undefined || (epoch === this.epoch && after <= this.head);
    const from = valid ? (after ?? 0) : 0;
    const outcome = valid ? 'resumed' : 'snapshot';
    down.push({ t: 'attached', ref, s, session, epoch: this.epoch, outcome, from, head: this.head, settings: {} });
    down.push(...this.#replay(from).map((event) => ({ ...event, s })), { t: 'live', s, pos: this.head });
  }

  /** Events from a cursor on, with deltas merged and split anew. */
  #replay(from: number): EventFrame[] {
    const replay: EventFrame[] = [];
    for (const event of this.#log) {
      if (endOf(event) <= from) continue;
      const last = replay.at(-1);
      if (event.t !== 'delta') {
        replay.push(event);
      } else if (event.pos < from) {
        replay.push({ ...event, pos: from, text: event.text.slice(from - event.pos) });
      } else if (last?.t === 'delta' && last.turn === event.turn && this.#random() < 0.5) {
        replay[replay.length - 1] = { ...last, text: last.text + event.text, tokens: event.tokens };
      } else {
        const at = Math.floor(this.#random() * event.text.length);
        const whole = at === 0 || /[\ud800-\udbff]/.test(event.text[at - 1]!);
        if (whole) replay.push(event);
        else
          replay.push(
            { ...event, text: event.text.slice(0, at) },
            { ...event, pos: event.pos + at, text: event.text.slice(at) },
          );
      }
    }
    return replay;
  }

  #append(event: EventFrame): void {
    this.#log.push(event);
    for (const { alias, down } of this.#connections.values())
      if (alias !== undefined) down.push({ ...event, s: alias });
  }

  #of(socket: FakeSocket): Connection {
    const connection = this.#connections.get(socket) ?? { handled: 0, down: [], alias: undefined };
    this.#connections.set(socket, connection);
    return connection;
  }
}

function endOf(event: EventFrame): number {
  return event.pos + (event.t === 'delta' ? event.text.length : 1);
}
