import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** The answer's socket was closed; whoever plays the plan stops. */
export class ClientGone extends Error {}

/** One answer being written; every wait ends with ClientGone as soon as the client is gone. */
export class ResponseWriter {
  readonly #response: ServerResponse;
  readonly #gone: AbortController;
  readonly #untilGone: Promise<void>;

  /** @param gone aborted when the client closes its connection, or the double itself is closed */
  constructor(response: ServerResponse, gone: AbortController) {
    this.#response = response;
    this.#gone = gone;
    this.#untilGone = new Promise((resolve) => gone.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  head(status: number, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  async write(bytes: string | Uint8Array): Promise<void> {
    if (this.#gone.signal.aborted) throw new ClientGone();
    if (!this.#response.write(bytes)) {
      await Promise.race([new Promise((resolve) => this.#response.once('drain', resolve)), this.#untilGone]);
    }
    if (this.#gone.signal.aborted) throw new ClientGone();
  }

  async wait(delayMs: number): Promise<void> {
    try {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.#gone.signal });
      else await nextTurn(undefined, { signal: this.#gone.signal });
    } catch {
      throw new ClientGone();
    }
  }

  async hang(): Promise<never> {
    await this.#untilGone;
    throw new ClientGone();
  }

  end(): void {
    this.#response.end();
  }

  /** Sends RST instead of FIN, once what was written has left. */
  async reset(): Promise<void> {
    await this.wait(5);
    this.#response.socket?.resetAndDestroy();
  }
}
