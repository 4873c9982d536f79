import type { Auth } from '../../protocol/frames/hello.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Clock } from '../lib/clock.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { RecordStore } from '../store/record-contract.ts';
import { StoreError } from '../store/store-error.ts';
import type { AuditLog, Logger } from '../telemetry/contract.ts';
import type { UpgradeInfo } from '../transport/contract.ts';
import { createApiKeys } from './api-keys.ts';
import { createConfiguredKeys } from './configured-keys.ts';
import type { Authenticate, Authenticator, Identity, KeyService, TicketService } from './contract.ts';
import { KeyDirectory } from './key-directory.ts';
import { createRoles } from './permissions.ts';
import { cannotCheck, Refusal } from './refusal.ts';
import { isTicketText, loadSecretDigest, parseKeyText, type SecretDigest } from './secrets.ts';
import type { AuthSettings } from './settings.ts';
import { identityOfKey, keyCollection, lapseOf } from './stored-key.ts';
import { createTickets } from './tickets.ts';
import { createTokens, looksLikeToken } from './tokens.ts';

export interface AuthenticatorOptions {
  settings: AuthSettings;
  records: RecordStore;
  clock: Clock;
  logger: Logger;
  audit: AuditLog;
  /** The gateway can be reached from this machine alone. */
  isLoopback: boolean;
  /** Of the program that embeds the gateway; then it alone decides, but for tickets that were made here. */
  custom?: Authenticate | undefined;
}

export interface Auths {
  authenticator: Authenticator;
  /** Whether one who comes without a credential is let in now. Throws `StoreError`. */
  isOpen(): Promise<boolean>;
  keys: KeyService;
  tickets: TicketService;
}

/** How old the knowledge that there are no keys may be, milliseconds. */
const keysExistMs = 1_000;

const anonymousRoles = ['chat', 'history', 'export', 'erase'];

/** Who is let in. Throws an `Error` with one sentence for settings that cannot be used. */
export function createAuthenticator(options: AuthenticatorOptions): Auths {
  const { settings, records, clock, logger, audit, isLoopback, custom } = options;
  const permissionsOf = createRoles(settings.roles);
  const wall = (): number => clock.wall();
  const directory = new KeyDirectory({ records, clock, logger });
  const digest = once(() => loadSecretDigest(records, settings.secret));
  const tickets = createTickets({ records, permissionsOf, wall, audit });
  const keys = createApiKeys({
    records,
    digest,
    permissionsOf,
    wall,
    audit,
    written: (key) => directory.written(key),
  });
  const byConfiguredKey = createConfiguredKeys(settings.keys, permissionsOf, wall);
  const byToken = createTokens({ issuers: settings.issuers, permissionsOf, clock, logger });
  /** One for all: every connection keeps its identity. */
  const anonymous: Identity = {
    tenant: 'default',
    subject: 'anonymous',
    roles: anonymousRoles,
    permissions: permissionsOf(anonymousRoles),
    credential: { kind: 'anonymous' },
  };
  const keysExist = createKeysExist(records, wall);
  const semaphore = new Semaphore(settings.maxConcurrent);

  async function byKey(text: string): Promise<Identity> {
    const configured = byConfiguredKey(text);
    if (configured !== undefined) return configured;
    const parsed = parseKeyText(text);
    if (parsed === undefined) throw new Refusal('malformed key');
    const { id, secret } = parsed;
    const hashes = await digest();
    const kept = directory.known(id).key;
    let key = kept;
    let found = hashes.matches(secret, key?.secrets.map(({ hash }) => hash) ?? []);
    if (found === -1) {
      // it may be new, or rotated by another node; for an unknown id and for a wrong secret that is the same work
      key = await directory.read(id);
      found = hashes.matches(secret, key?.secrets.map(({ hash }) => hash) ?? []);
    }
    if (key === undefined || found === -1)
      throw new Refusal(key === undefined ? 'unknown key' : 'wrong secret', key?.id);
    const { number } = key.secrets[found]!;
    const lapse = lapseOf(key, number, wall());
    if (lapse !== undefined) throw new Refusal(`${lapse} key`, id);
    return identityOfKey(key, number, permissionsOf);
  }

  async function byTicket(ticket: string, upgrade: UpgradeInfo): Promise<Identity> {
    const identity = await tickets.redeem(ticket, upgrade);
    const { id, secretNumber } = identity.credential ?? {};
    if (id !== undefined && secretNumber !== undefined) {
      const lapse = lapseOf(await directory.read(id), secretNumber, wall());
      if (lapse !== undefined) throw new Refusal(`ticket of a key that is ${lapse}`, id);
    }
    return identity;
  }

  /** By a text that may be a key or a token. */
  const byBearer = (text: string): Promise<Identity> => (looksLikeToken(text) ? byToken(text) : byKey(text));

  async function isOpen(): Promise<boolean> {
    if (typeof settings.anonymous === 'boolean') return settings.anonymous;
    if (!isLoopback) return false;
    if (settings.anonymous === 'loopback') return true;
    // who makes keys means them to be used
    return settings.keys.length + settings.issuers.length === 0 && !(await keysExist());
  }

  async function byAll(auth: Auth | undefined, upgrade: UpgradeInfo): Promise<Identity> {
    const ticket = auth === undefined ? upgrade.ticket : 'ticket' in auth ? auth.ticket : undefined;
    if (custom !== undefined) {
      if (ticket !== undefined && isTicketText(ticket)) return byTicket(ticket, upgrade);
      const identity = await custom(auth, upgrade);
      const { permissions = permissionsOf(identity.roles), credential = { kind: 'custom' } } = identity;
      return { ...identity, permissions, credential };
    }
    if (auth !== undefined) {
      if ('key' in auth) return byKey(auth.key);
      return 'ticket' in auth ? byTicket(auth.ticket, upgrade) : byBearer(auth.token);
    }
    const [, bearer] = /^bearer +(\S+) *$/i.exec(upgrade.authorization ?? '') ?? [];
    if (bearer !== undefined) return byBearer(bearer);
    if (ticket !== undefined) return byTicket(ticket, upgrade);
    if (!(await isOpen())) throw new Refusal('no credential');
    return anonymous;
  }

  async function authenticate(auth: Auth | undefined, upgrade: UpgradeInfo): Promise<Identity> {
    try {
      return await within(
        clock,
        settings.timeoutMs,
        semaphore.run(() => byAll(auth, upgrade)),
      );
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'unauthorized') {
        const { reason, key } = error instanceof Refusal ? error : { reason: 'refused', key: undefined };
        audit.note({ act: 'credential.refused', address: upgrade.remoteAddress, key, reason });
      }
      if (error instanceof StoreError)
        throw new ProtocolError('store_unavailable', 'The store cannot be reached now; try again.', { cause: error });
      throw error;
    }
  }

  return {
    keys,
    tickets,
    isOpen,
    authenticator: {
      authenticate,
      recheck({ credential, expiresAt }) {
        if (expiresAt !== undefined && expiresAt <= wall()) throw new Refusal('expired', credential?.id);
        const { id, secretNumber } = credential ?? {};
        if (id === undefined || secretNumber === undefined) return;
        const { known, key } = directory.known(id);
        if (!known) return directory.want(id);
        const lapse = lapseOf(key, secretNumber, wall());
        if (lapse !== undefined) throw new Refusal(lapse, id);
      },
      onRevoked: (callback) => directory.onChanged(callback),
      close: () => directory.close(),
    },
  };
}

/** Whether the store ever had a key: by what was known a second ago, so that nobody waits for a store that is away. */
function createKeysExist(records: RecordStore, wall: () => number): () => Promise<boolean> {
  let last: { exist: boolean; atMs: number } | undefined;
  let asking: Promise<boolean> | undefined;
  const ask = (): Promise<boolean> =>
    (asking ??= records
      .version(keyCollection)
      .then((version) => {
        last = { exist: version > 0, atMs: wall() };
        return last.exist;
      })
      .finally(() => {
        asking = undefined;
      }));
  return async () => {
    if (last === undefined) return ask();
    if (!last.exist && Math.abs(wall() - last.atMs) > keysExistMs) ask().catch(() => {});
    return last.exist;
  };
}

/** Throws `overloaded` when it takes longer. */
async function within<Result>(clock: Clock, timeoutMs: number, result: Promise<Result>): Promise<Result> {
  let late: (() => void) | undefined;
  const timer = clock.setTimer(() => late?.(), timeoutMs);
  try {
    return await Promise.race([
      result,
      new Promise<never>((_resolve, reject) => {
        late = () => reject(cannotCheck(undefined));
      }),
    ]);
  } finally {
    timer.cancel();
  }
}

/** Asked for once; again after a failure. */
function once(load: () => Promise<SecretDigest>): () => Promise<SecretDigest> {
  let loaded: Promise<SecretDigest> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
