import { type ErrorCode, errorCodes } from '../../protocol/error-codes.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Clock, Timer } from '../lib/clock.ts';

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: Timer;
}

/** Requests to other nodes that wait for their answer. */
export class NodeRequests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends under a new id. Rejects with `store_unavailable` when no answer comes: it may have happened, or not. */
  ask(send: (id: number) => void): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(() => {
        this.#pending.delete(id);
        reject(new ProtocolError('store_unavailable', 'The node that runs the turn did not answer; try again.'));
      }, this.#timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      send(id);
    });
  }

  answered(id: number, result: unknown): void {
    this.#take(id)?.resolve(result);
  }

  failed(id: number, code: string, message: string): void {
    const known = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'internal';
    this.#take(id)?.reject(new ProtocolError(known, message));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.timer.cancel();
    return pending;
  }
}
