import { type Cluster, Command } from 'ioredis';
import type { RedisConnection } from './redis-commands.ts';

export interface ReplicaWaitOptions {
  /** Its own: WAIT holds up what comes after it. Patient for longer than `waitMs`. */
  connection: RedisConnection;
  replicas: number;
  waitMs: number;
  /** Fewer replicas answered in time, or the server did not. */
  onTooFew(): void;
}

interface Round {
  running: Promise<void>;
  /** Those that came while it ran: what they wrote may have come after its mark. */
  next: Promise<void> | undefined;
}

/** Marks are of no further use. */
const markMs = 60_000;

/**
 * Waits until replicas have what was written before. A mark is written after it, on the connection that then waits for
 * the mark (https://redis.io/docs/latest/commands/wait): replicas get everything in order. All that is written during one
 * wait shares the next one.
 */
export class ReplicaWait {
  readonly #options: ReplicaWaitOptions;
  /** Per server. */
  readonly #rounds = new Map<string, Round>();

  constructor(options: ReplicaWaitOptions) {
    this.#options = options;
  }

  /** `markKey` is on the server of what was written. Never throws: in the end it was written all the same. */
  wait(markKey: string): Promise<void> {
    const server = this.#serverOf(markKey);
    const round = this.#rounds.get(server);
    if (round === undefined) return this.#start(server, markKey);
    round.next ??= round.running.then(() => this.#start(server, markKey));
    return round.next;
  }

  #start(server: string, markKey: string): Promise<void> {
    const round: Round = { running: this.#mark(markKey), next: undefined };
    this.#rounds.set(server, round);
    void round.running.then(() => {
      if (round.next === undefined) this.#rounds.delete(server);
    });
    return round.running;
  }

  async #mark(markKey: string): Promise<void> {
    const { connection, replicas, waitMs, onTooFew } = this.#options;
    try {
      const results = await connection.pipeline().set(markKey, 1, 'PX', markMs).wait(replicas, waitMs).exec();
      const [marked, waited] = results ?? [];
      if (marked?.[0] != null || waited?.[0] != null || Number(waited?.[1]) < replicas) onTooFew();
    } catch {
      onTooFew();
    }
  }

  #serverOf(key: string): string {
    const { connection } = this.#options;
    if (!connection.isCluster) return '';
    return (connection as Cluster).slots[new Command('get', [key]).getSlot()]?.[0] ?? '';
  }
}
