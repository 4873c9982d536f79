import type { AuthFrame } from '../../protocol/frames/hello.ts';
import type { Credentials } from './credentials.ts';
import type { ClientClock, ClientTimer } from './environment.ts';

/** A credential is renewed when a fifth of its time is left, but not earlier than this before its end, milliseconds. */
const longestAheadMs = 60_000;
/** One that lives shorter is not worth it: the gateway closes, and the next connection comes with another. */
const shortestMs = 5_000;
/** Timers reach no further. */
const longestTimerMs = 2_147_483_647;

export interface RenewalOptions {
  credentials: Credentials;
  clock: ClientClock;
  nextRef(): number;
  /** Sends on the connection in use. */
  send(frame: AuthFrame): boolean;
}

/** Brings another token before the one in use ends, without a new connection. What fails is left to the close with 4200. */
export class Renewal {
  readonly #options: RenewalOptions;
  #timer: ClientTimer | undefined;
  #ref: number | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** The gateway told when the credential ends, milliseconds since 1970. */
  plan(expiresAt: number | undefined): void {
    this.stop();
    const { credentials, clock } = this.#options;
    // a clock that is wrong makes this one too early or too late; the gateway's own decides
    const leftMs = expiresAt === undefined ? 0 : expiresAt - Date.now();
    if (leftMs < shortestMs || !credentials.hasToken) return;
    const waitMs = leftMs - Math.min(longestAheadMs, leftMs / 5);
    this.#timer = clock.setTimer(() => void this.#renew(), Math.min(waitMs, longestTimerMs));
  }

  /** Whether a frame answered what this sent. */
  answered({ ref }: { ref?: number | undefined }): boolean {
    if (ref === undefined || ref !== this.#ref) return false;
    this.#ref = undefined;
    return true;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #renew(): Promise<void> {
    const { credentials, nextRef, send } = this.#options;
    credentials.discard();
    const { auth } = await credentials.get().catch(() => ({ auth: undefined }));
    if (auth === undefined || !('token' in auth)) return;
    this.#ref = nextRef();
    send({ t: 'auth', ref: this.#ref, token: auth.token });
  }
}
