import type { Auth } from '../../protocol/frames/hello.ts';
import type { AuthSource } from './api.ts';

/** The credential in use, and where another comes from. */
export class Credentials {
  readonly #source: AuthSource | undefined;
  #held: Auth | undefined;

  constructor(source: AuthSource | undefined) {
    this.#source = source;
  }

  get renewable(): boolean {
    return typeof this.#source === 'function';
  }

  /** Whether the one in use is a token of a source that can make another. */
  get hasToken(): boolean {
    return this.renewable && this.#held !== undefined && 'token' in this.#held;
  }

  /** `fresh`: it was asked for just now. Rejects with what the source throws. */
  async get(): Promise<{ auth: Auth | undefined; fresh: boolean }> {
    if (typeof this.#source !== 'function') return { auth: this.#source, fresh: true };
    if (this.#held !== undefined) return { auth: this.#held, fresh: false };
    const auth = await this.#source();
    // a ticket opens one connection
    if (auth !== undefined && !('ticket' in auth)) this.#held = auth;
    return { auth, fresh: true };
  }

  /** The gateway refused it. */
  discard(): void {
    this.#held = undefined;
  }
}
