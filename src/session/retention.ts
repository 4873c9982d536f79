import type { Clock, Timer } from '../lib/clock.ts';
import type { RetentionPolicy, SessionKey, SessionUse, Store } from '../store/contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import type { SessionRegistry } from './session-registry.ts';
import type { Session } from './session.ts';

/** What is kept of a tenant's conversations; what is absent does not limit. */
export interface RetentionRules extends RetentionPolicy {
  /** A session that nobody followed and that ran nothing for this long is erased. */
  idleMs?: number | undefined;
  /** All sessions of the tenant together; the longest unused are erased first. */
  maxTenantBytes?: number | undefined;
}

export interface RetentionOptions {
  store: Store;
  registry: SessionRegistry;
  clock: Clock;
  logger: Logger;
  rulesFor(tenant: string): RetentionRules;
  /** Whether any tenant has rules. */
  isActive: boolean;
  /** Between two steps over the stored sessions. */
  everyMs: number;
}

/** Sessions looked at in one step. */
const stepSessions = 100;
/** A process that tidies up is taken to be gone after this; another one does it then. */
const tidierMs = 30_000;
/** Steps of removal in one session before the next one has its turn. */
const maxRemovals = 32;

/**
 * Keeps conversations within their rules: a session's own after each of its turns, age, idle sessions and a tenant's total
 * in a slow round over all that is stored, made by one node.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #trimming = new WeakSet<Session>();
  #timer: Timer | undefined;
  #stopped = false;
  #hasLeft = false;
  /** Tenants that are left in this round. */
  #tenants: string[] = [];
  #offset = 0;
  #tenantBytes = 0;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#options.isActive || this.#stopped) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#step(), this.#options.everyMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A turn of a session of this node is over. */
  turnEnded(session: Session): void {
    const rules = this.#options.rulesFor(session.key.tenant);
    if (!limitsSessions(rules) || this.#trimming.has(session)) return;
    this.#trimming.add(session);
    this.#trim(session.key, rules)
      .catch((error: unknown) => this.#trouble(error))
      .finally(() => this.#trimming.delete(session));
  }

  /** Nobody here uses the session any more. */
  released(key: SessionKey): void {
    if (!this.#hasLeft) void this.#touch(key);
  }

  /** The process closes its sockets: what they followed was in use until now. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    await Promise.all([...this.#options.registry.all].map(({ key }) => this.#touch(key)));
  }

  async #touch(key: SessionKey): Promise<void> {
    const { rulesFor, store } = this.#options;
    if (rulesFor(key.tenant).idleMs === undefined) return;
    await store.touch(key).catch((error: unknown) => this.#trouble(error));
  }

  async #trim(key: SessionKey, rules: RetentionRules): Promise<void> {
    const { store, registry } = this.#options;
    let isChanged = false;
    for (let i = 0; i < maxRemovals && !this.#stopped; i++) {
      const result = await store.retain(key, rules);
      if (result === undefined) return;
      registry.known(key)?.removed(result.start, result.version);
      if (result.removed === 0) break;
      isChanged = true;
    }
    if (!isChanged || (registry.known(key)?.pinned.length ?? 0) === 0) return;
    // pins go with their turns
    const stored = await store.readSession(key);
    if (stored !== undefined) registry.known(key)?.refresh(stored);
  }

  async #step(): Promise<void> {
    try {
      if (await this.#options.store.mayTidy(tidierMs)) await this.#tidy();
    } catch (error) {
      this.#trouble(error);
    }
    this.start();
  }

  async #tidy(): Promise<void> {
    const { store, rulesFor } = this.#options;
    if (this.#tenants.length === 0) this.#tenants = await store.tenants();
    const [tenant] = this.#tenants;
    if (tenant === undefined) return;
    const rules = rulesFor(tenant);
    const found = await store.listSessions(tenant, this.#offset, stepSessions);
    for (const use of found) {
      if (this.#stopped) return;
      const isElsewhere = await this.#look({ tenant, session: use.session }, use, rules);
      if (isElsewhere) continue;
      this.#offset++;
      this.#tenantBytes += use.bytes;
    }
    if (found.length === stepSessions) return;
    const excess = this.#tenantBytes - (rules.maxTenantBytes ?? Number.POSITIVE_INFINITY);
    this.#tenants.shift();
    this.#offset = 0;
    this.#tenantBytes = 0;
    if (excess > 0) await this.#shrink(tenant, excess);
  }

  /** Answers whether the session is not in its place of the list any more. */
  async #look(key: SessionKey, use: SessionUse, rules: RetentionRules): Promise<boolean> {
    const { store, registry } = this.#options;
    if (use.isGone) return store.expire(key, 0);
    const { idleMs = Number.POSITIVE_INFINITY } = rules;
    const isKnown = registry.known(key) !== undefined;
    if (!isKnown && use.idleMs >= idleMs && (await store.expire(key, idleMs))) return true;
    if (limitsSessions(rules)) await this.#trim(key, rules);
    // should this process die, its clients have time to come back
    const isDue = isKnown && use.idleMs >= idleMs / 2;
    if (isDue) await store.touch(key);
    return isDue;
  }

  /** Erases the longest unused sessions of a tenant until it has `excess` bytes less. */
  async #shrink(tenant: string, excess: number): Promise<void> {
    const { store, registry, logger } = this.#options;
    let left = excess;
    let erased = 0;
    for (let offset = 0; left > 0 && !this.#stopped; ) {
      const found = await store.listSessions(tenant, offset, stepSessions);
      if (found.length === 0) break;
      for (const { session, bytes } of found) {
        const key = { tenant, session };
        const isErased = left > 0 && registry.known(key) === undefined && (await store.expire(key, 0));
        if (!isErased) offset++;
        else erased++;
        if (isErased) left -= bytes;
      }
    }
    logger.info({ tenant, erased }, 'sessions were erased to keep a tenant within its bytes');
    if (left > 0) logger.warn({ tenant, bytes: left }, 'a tenant keeps more than its bytes: its sessions are in use');
  }

  #trouble(error: unknown): void {
    this.#options.logger.warn({ error }, 'old turns could not be removed; trying again');
  }
}

function limitsSessions({ maxAgeMs, maxTurns, maxBytes }: RetentionRules): boolean {
  return maxAgeMs !== undefined || maxTurns !== undefined || maxBytes !== undefined;
}
