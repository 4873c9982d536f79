import type { Auth } from '../../protocol/frames/hello.ts';
import type { LimitRules } from '../limits/rules.ts';
import type { UpgradeInfo } from '../transport/contract.ts';
import type {
  CreateKeyRequest,
  Key,
  KeyList,
  KeyWithSecret,
  ListKeysRequest,
  RotateKeyRequest,
} from './key-schemas.ts';
import type { CreateTicketRequest, Ticket } from './ticket-schemas.ts';

/** What may be done: take turns, read sessions, take whole sessions away, erase them, manage keys and see all usage. */
export const permissions = ['chat', 'history', 'export', 'erase', 'admin'] as const;
export type Permission = (typeof permissions)[number];

/** What a connection or a request was let in with. */
export interface Credential {
  kind: 'anonymous' | 'key' | 'token' | 'ticket' | 'custom';
  /** Of an API key, or of what a ticket was made with: never the secret. */
  id?: string | undefined;
  /** Which of the key's secrets, by its number. */
  secretNumber?: number | undefined;
}

/** Who a connection speaks for. */
export interface Identity {
  tenant: string;
  subject: string;
  /** Names of roles; a permission's own name is a role that has it. */
  roles: readonly string[];
  /** What the roles amount to; absent where a program's own `authenticate` leaves it to the roles. */
  permissions?: readonly Permission[] | undefined;
  credential?: Credential | undefined;
  /** Facts that routes may ask for. */
  team?: string | undefined;
  /** Name of a set of limits, and a fact for routes. */
  tier?: string | undefined;
  /** Patterns, `*` for any part of a name; absent: all. Models by the name asked for or the one of the provider. */
  models?: readonly string[] | undefined;
  routes?: readonly string[] | undefined;
  /** Of tools that may be offered to models. */
  tools?: readonly string[] | undefined;
  /** Of session ids. Others look as if they did not exist. */
  sessions?: readonly string[] | undefined;
  /** Limits of the credential itself, over those of its tier. */
  limits?: LimitRules | undefined;
  /** Milliseconds since 1970; absent for a credential that does not expire. */
  expiresAt?: number | undefined;
}

/** Throws `ProtocolError` `unauthorized`. */
export type Authenticate = (auth: Auth | undefined, upgrade: UpgradeInfo) => Promise<Identity> | Identity;

/** Who is let in, and for how long. */
export interface Authenticator {
  /** By what `hello` or `auth` carries, else by the header or the ticket of the request. */
  authenticate: Authenticate;
  /**
   * Throws `unauthorized` when the credential has expired or was revoked since; by what this node knows, which is at
   * most a second or two old. Asked before every turn and request.
   */
  recheck(identity: Identity): void;
  /** Calls back when credentials were revoked: whoever holds one of them is to be asked again. */
  onRevoked(callback: () => void): void;
  close(): void;
}

/** On whose behalf keys are managed; `operator`: whoever has the store itself. */
export type KeyActor = Identity | 'operator';

/**
 * API keys. An identity needs the permission `admin`, and manages the keys of its own tenant; with the role `operator`
 * those of all tenants. None gives more than it has. Throws `ProtocolError` `forbidden`, and `invalid_frame` for a wrong
 * request; a key that does not exist or is another tenant's is `undefined`.
 */
export interface KeyService {
  create(actor: KeyActor, request: CreateKeyRequest): Promise<KeyWithSecret>;
  list(actor: KeyActor, request?: ListKeysRequest): Promise<KeyList>;
  rotate(actor: KeyActor, id: string, request?: RotateKeyRequest): Promise<KeyWithSecret | undefined>;
  /** For good, at once, with the connections it opened; also those that its tickets opened. */
  revoke(actor: KeyActor, id: string): Promise<Key | undefined>;
}

/** Short-lived credentials for browsers, made by whoever holds a longer one. */
export interface TicketService {
  /**
   * Throws `ProtocolError` `forbidden` when it would be more than the issuer has, or when the issuer came with a ticket or
   * with nothing itself; `invalid_frame` for a wrong request.
   */
  issue(issuer: Identity, request: CreateTicketRequest): Promise<Ticket>;
}
