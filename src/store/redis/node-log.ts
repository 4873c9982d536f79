import { LeaseLostError, StoreLossError } from '../store-error.ts';
import type { RedisConnection } from './redis-commands.ts';

/** Appends to a node's log, each of which says how many the node knows of: a server that lost some refuses the next one. */
export class NodeLog {
  readonly #connection: RedisConnection;
  readonly #lifeKey: string;
  readonly #logKey: string;
  /** As of the last answer. */
  #appends = 0;

  constructor(connection: RedisConnection, lifeKey: string, logKey: string) {
    this.#connection = connection;
    this.#lifeKey = lifeKey;
    this.#logKey = logKey;
  }

  /** Answers the id of the entry. Throws `LeaseLostError` and `StoreLossError`. */
  append(json: string): Promise<string> {
    return this.#append(json, this.#appends);
  }

  /** After a loss, whatever is missing before it. */
  async rewrite(json: string): Promise<string> {
    return this.#append(json, 0);
  }

  async isWhole(): Promise<boolean> {
    return (await this.#read()) >= this.#appends;
  }

  async acceptLoss(): Promise<void> {
    this.#appends = await this.#read();
  }

  async #append(json: string, known: number): Promise<string> {
    const answer = await this.#connection.parleyAppend(this.#lifeKey, this.#logKey, json, known);
    if (answer === 'lost') throw new StoreLossError();
    if (!Array.isArray(answer)) throw new LeaseLostError();
    const [id, appends] = answer as [string, number];
    if (known > 0 || this.#appends === 0) this.#appends = Math.max(this.#appends, appends);
    return id;
  }

  async #read(): Promise<number> {
    const appends = await this.#connection.get(this.#lifeKey);
    if (appends === null) throw new LeaseLostError();
    return Number(appends);
  }
}
