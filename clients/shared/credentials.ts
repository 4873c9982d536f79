import type { Auth } from '../../protocol/frames/hello.ts';
import type { AuthSource } from './api.ts';
import type { ClientClock, ClientTimer } from './environment.ts';

/** A new token is asked for this long before the old one expires, milliseconds. */
const renewBeforeMs = 30_000;

/** The credential in use, and when to get another. */
export class Credentials {
  readonly #source: AuthSource | undefined;
  readonly #clock: ClientClock;
  #held: Auth | undefined;
  #timer: ClientTimer | undefined;

  constructor(source: AuthSource | undefined, clock: ClientClock) {
    this.#source = source;
    this.#clock = clock;
  }

  get renewable(): boolean {
    return typeof this.#source === 'function';
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

  /** Gets a new token in time and hands it to `renew`; a source that fails is asked again at the next connection. */
  watch(expiresAtMs: number | undefined, renew: (token: string) => void): void {
    this.stop();
    if (expiresAtMs === undefined || !this.renewable) return;
    const leftMs = expiresAtMs - this.#clock.wall();
    this.#timer = this.#clock.setTimer(() => {
      this.discard();
      this.get().then(
        ({ auth }) => {
          if (auth !== undefined && 'token' in auth) renew(auth.token);
        },
        () => {},
      );
    }, Math.max(leftMs / 2, leftMs - renewBeforeMs, 0));
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
