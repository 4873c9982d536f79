import type { Auth } from '../../protocol/frames/hello.ts';
import type { UpgradeInfo } from '../transport/contract.ts';

/** Who a connection speaks for. */
export interface Identity {
  tenant: string;
  subject: string;
  roles: readonly string[];
  /** Milliseconds since 1970; absent for a credential that does not expire. */
  expiresAt?: number | undefined;
}

/** Throws `ProtocolError` `unauthorized`. */
export type Authenticate = (auth: Auth | undefined, upgrade: UpgradeInfo) => Promise<Identity> | Identity;
