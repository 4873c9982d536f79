import type { CloseReason } from '../../protocol/close-codes.ts';
import type { Auth, AuthFrame } from '../../protocol/frames/hello.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Identity } from '../auth/contract.ts';
import type { Timer } from '../lib/clock.ts';
import type { AuditEntry } from '../telemetry/contract.ts';
import type { UpgradeInfo } from '../transport/contract.ts';
import type { ConnectionEnvironment } from './contract.ts';

/** The wall clock may be set meanwhile, and timers do not reach further than some weeks: a far end is looked at this often. */
const longestTimerMs = 10 * 60_000;

/** What a credential needs of its connection. */
export interface CredentialHost {
  readonly id: string;
  readonly upgrade: UpgradeInfo;
  close(reason: CloseReason, message: string): void;
}

/** What a connection was let in with, and for how long that holds. */
export class HeldCredential {
  readonly #host: CredentialHost;
  readonly #environment: ConnectionEnvironment;
  #identity: Identity;
  #timer: Timer | undefined;
  #renewing = false;

  constructor(host: CredentialHost, identity: Identity, environment: ConnectionEnvironment) {
    this.#host = host;
    this.#environment = environment;
    this.#identity = identity;
    this.#arm();
  }

  get identity(): Identity {
    return this.#identity;
  }

  get address(): string {
    return this.#host.upgrade.remoteAddress;
  }

  /** Whether it still holds, by what this node knows; closes the connection where it does not. */
  holds(): boolean {
    const { authenticator } = this.#environment;
    try {
      authenticator.recheck(this.#identity);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const { expiresAt } = this.#identity;
      const isExpired = expiresAt !== undefined && expiresAt <= this.#environment.clock.wall();
      this.note(isExpired ? 'credential.expired' : 'credential.revoked', {});
      if (isExpired) this.#host.close('credential_expired', 'the credential has expired');
      else this.#host.close('unauthorized', 'the credential does not hold any more');
      return false;
    }
  }

  /**
   * Takes a new credential of the same tenant and subject in place of this one. Throws `unauthorized`, `forbidden`, or
   * `rate_limited` while another is being checked; then this one goes on.
   */
  async renew({ token }: AuthFrame): Promise<Identity> {
    if (this.#renewing)
      throw new ProtocolError('rate_limited', 'Another credential is being checked; wait for its answer.');
    this.#renewing = true;
    try {
      const { tenant, subject } = this.#identity;
      const auth: Auth = { token };
      const identity = await this.#environment.authenticator.authenticate(auth, this.#host.upgrade);
      if (identity.tenant !== tenant || identity.subject !== subject) {
        this.note('forbidden', { reason: 'a new credential of another tenant or subject' });
        throw new ProtocolError('forbidden', 'The new credential must be of the same tenant and subject.');
      }
      this.#identity = identity;
      this.note('credential.renewed', {});
      this.#arm();
      return identity;
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'unauthorized') this.#environment.authRefused();
      throw error;
    } finally {
      this.#renewing = false;
    }
  }

  note(act: AuditEntry['act'], about: Pick<AuditEntry, 'target' | 'reason'>): void {
    const { tenant, subject, credential } = this.#identity;
    const { id: connection } = this.#host;
    this.#environment.audit.note({
      act,
      tenant,
      subject,
      key: credential?.id,
      address: this.address,
      connection,
      ...about,
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    const { expiresAt } = this.#identity;
    if (expiresAt === undefined) return;
    const { clock } = this.#environment;
    const leftMs = Math.max(1, expiresAt - clock.wall());
    this.#timer = clock.setTimer(
      () => {
        if (this.holds()) this.#arm();
      },
      Math.min(leftMs, longestTimerMs),
    );
  }
}
