import { expect, onTestFinished } from 'vitest';
import type { DownFrame, EventFrame } from '../../protocol/down.ts';
import type { Attached } from '../../protocol/frames/attach.ts';
import { checkContiguous, isEvent, textOf } from './assembled-text.ts';
import { RawClient } from './raw-client.ts';
import { truthOf } from './truth.ts';

/** What a client holds of one life of the log. */
interface Life {
  epoch: string;
  events: EventFrame[];
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for what must come; the test's own time limit is the only one. */
export async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await sleep(5);
}

/**
 * A client that follows one session through every trouble: it connects again, gives its cursor, drops what it holds when
 * it is told `snapshot`, and writes everything down for `check`.
 */
export class PersistentClient {
  readonly lives: Life[] = [];
  readonly attached: Attached[] = [];
  readonly closeCodes: number[] = [];
  readonly #url: () => string;
  readonly #session: string;
  #client: RawClient | undefined;
  #stopped = false;

  constructor(url: () => string, session: string) {
    this.#url = url;
    this.#session = session;
    void this.#run();
    onTestFinished(() => this.stop());
  }

  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  get cursor(): number {
    const last = this.life?.events.at(-1);
    if (last === undefined) return 0;
    return last.pos + (last.t === 'delta' ? last.text.length : 1);
  }

  /** The end of a turn in the log as it is now. */
  endOf(turn: string): Extract<DownFrame, { t: 'turn.ended' }> | undefined {
    return this.life?.events.find((event) => event.t === 'turn.ended' && event.turn === turn) as never;
  }

  textOf(turn: string): string {
    return textOf(this.life?.events ?? [], turn);
  }

  /** Sends a turn, again and again under the same id, until its end is in the log. */
  async complete(id: string): Promise<void> {
    while (this.endOf(id) === undefined) {
      this.send(id);
      for (let i = 0; i < 40 && this.endOf(id) === undefined; i++) await sleep(10);
    }
  }

  send(id: string): void {
    this.#client?.send({ t: 'turn', s: 0, id, input: `input of ${id}`, onBusy: 'queue' });
  }

  stop(): void {
    this.#stopped = true;
    this.#client?.socket.terminate();
  }

  /** Positions without a gap, text that is the truth, one end, `snapshot` when and only when the epoch changed. */
  check(): void {
    for (const { events } of this.lives) {
      checkContiguous(events, 0, 0);
      for (const turn of new Set(events.map((event) => event.turn))) {
        const own = events.filter((event) => event.turn === turn);
        expect(own.filter((event) => event.t === 'turn.accepted')).toHaveLength(1);
        const end = own.findIndex((event) => event.t === 'turn.ended');
        if (end !== -1) expect(end).toBe(own.length - 1);
        const text = textOf(own, turn);
        const isWhole = end !== -1 && (own[end] as { status?: string }).status === 'completed';
        expect(isWhole ? text : truthOf(turn).slice(0, text.length)).toBe(isWhole ? truthOf(turn) : text);
      }
    }
    for (const [i, { epoch, outcome }] of this.attached.entries()) {
      const before = this.attached[i - 1]?.epoch;
      if (before !== undefined) expect(outcome).toBe(before === epoch ? 'resumed' : 'snapshot');
    }
    expect(new Set(this.lives.map(({ epoch }) => epoch)).size).toBe(this.lives.length);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const client = await RawClient.connect(this.#url());
        await this.#follow(client);
      } catch {
        await sleep(50);
      }
    }
  }

  async #follow(client: RawClient): Promise<void> {
    const link = { isClosed: false };
    void client.closed.then(({ code }) => {
      link.isClosed = true;
      this.closeCodes.push(code);
    });
    const attach = (): void => {
      const known = this.life === undefined ? {} : { epoch: this.life.epoch, after: this.cursor };
      client.send({ t: 'attach', ref: 1, s: 0, session: this.#session, create: {}, ...known });
    };
    attach();
    for (let i = 0; !link.isClosed || i < client.frames.length; ) {
      const frame = client.frames[i];
      if (frame === undefined) {
        await sleep(3);
        continue;
      }
      i++;
      if (frame.t === 'attached') {
        this.attached.push(frame);
        if (this.life === undefined || frame.outcome !== 'resumed') this.lives.push({ epoch: frame.epoch, events: [] });
        this.#client = client;
      } else if (frame.t === 'error' && frame.ref === 1) {
        await sleep(50);
        if (!link.isClosed) attach();
      } else if (isEvent(frame)) {
        this.life!.events.push(frame);
      }
    }
    this.#client = undefined;
  }
}
