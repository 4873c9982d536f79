import type { Auth } from '../../protocol/frames/hello.ts';
import type { UpgradeInfo } from '../transport/contract.ts';

/** Who a connection speaks for. */
export interface Identity {
  tenant: string;
  subject: string;
  roles: readonly string[];
  /** Facts that routes may ask for. */
  team?: string | undefined;
  tier?: string | undefined;
  /** Names of the tools that may be offered to models, `*` for any part of a name; absent: all. */
  tools?: readonly string[] | undefined;
  /** Milliseconds since 1970; absent for a credential that does not expire. */
  expiresAt?: number | undefined;
}

/** Throws `ProtocolError` `unauthorized`. */
export type Authenticate = (auth: Auth | undefined, upgrade: UpgradeInfo) => Promise<Identity> | Identity;
