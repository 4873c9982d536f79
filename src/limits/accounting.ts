import { createHash } from 'node:crypto';
import { windowAt } from '../lib/calendar-window.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { AccountStore, Meter, MeterUse, StoredAccount } from '../store/account-contract.ts';
import type { AlertSender, CountedScope, Logger, Metrics } from '../telemetry/contract.ts';
import type { Spender, TokenPrice } from './contract.ts';
import {
  ceilingOf,
  type LimitSettings,
  nanoPerUsd,
  readMeterName,
  socketMeters,
  type Spending,
  turnMeters,
} from './meters.ts';
import type { AccountingTools, KeptAccount } from './account-tools.ts';
import { TurnAccount } from './turn-account.ts';

/** What a price is looked up by. */
export interface PricedTarget {
  upstream: { readonly name: string };
  model: string;
}

export interface AccountingOptions {
  store: AccountStore;
  /** This process. */
  node: string;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  alerts: Pick<AlertSender, 'send'>;
  settings: LimitSettings;
  /** Undefined where it is not known. */
  priceOf(target: PricedTarget): TokenPrice | undefined;
  /** Output tokens that are reserved at a time, where a turn does not limit itself to fewer. */
  estimateTokens: number;
  /** What a node that died held is given back after this, milliseconds. */
  leaseMs: number;
  /** Whether turns go on unchecked while the store is away. */
  isOpenOnLoss: boolean;
  /** Shares of a limit with a window at which somebody is told. */
  thresholds: readonly number[];
  /** Rows of the ledger are removed after this, milliseconds. */
  keepLedgerMs: number;
}

/** Accounts renewed, and settled ones forgotten, this often, milliseconds. */
const everyMs = 2_000;
/** Rounds between two looks for what nodes that died held. */
const lapsedRounds = 3;
/** Rounds between two removals of old rows: an hour. */
const trimRounds = 1_800;

/** A turn as its account knows it. */
export interface TurnToAccount extends Omit<Spending, 'spender'> {
  session: string;
  turn: string;
  spender: Spender | undefined;
  maxCostUsd: number | undefined;
}

/** What of it every account knows. */
type AccountFacts = Pick<TurnToAccount, 'tenant' | 'session' | 'turn' | 'spender'>;

/** Held from `take` to `cancel`. */
export type SocketPlace = Pick<TurnAccount, 'take' | 'cancel'>;

/** Opens accounts, keeps them alive, and tells of limits that are nearly used up. */
export class Accounting {
  readonly #options: AccountingOptions;
  readonly #tools: AccountingTools;
  readonly #open = new Set<KeptAccount>();
  /** Tenants that had accounts here. */
  readonly #tenants = new Set<string>();
  #forgotten = new Map<string, string[]>();
  #round = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: AccountingOptions) {
    this.#options = options;
    const { store, node, estimateTokens, leaseMs, isOpenOnLoss, clock } = options;
    this.#tools = {
      store,
      node,
      estimateTokens,
      leaseMs,
      isOpenOnLoss,
      now: () => clock.now(),
      noteUses: (tenant, uses) => this.#noteUses(tenant, uses),
      refused: ({ limit, scope }) => {
        if (limit !== undefined && scope !== undefined) options.metrics.limitRefused(limit, scope as CountedScope);
      },
      called: ({ upstream, model, status, input, output, costNanoUsd, firstTokenMs }) =>
        options.metrics.upstreamCall({
          upstream,
          model,
          status,
          input,
          output,
          firstTokenMs,
          costUsd: costNanoUsd === undefined ? undefined : costNanoUsd / nanoPerUsd,
        }),
      keep: (account) => {
        this.#open.add(account);
        this.#tenants.add(account.tenant);
      },
      release: (account) => this.#open.delete(account),
      forget: (tenant, id) => {
        const known = this.#forgotten.get(tenant);
        if (known === undefined) this.#forgotten.set(tenant, [id]);
        else known.push(id);
      },
    };
  }

  get metrics(): Metrics {
    return this.#options.metrics;
  }

  priceOf(target: PricedTarget): TokenPrice | undefined {
    return this.#options.priceOf(target);
  }

  /** The smallest of a limit over all scopes that hold for a turn. */
  ceilingOf(
    { tenant, session, spender = {} }: Pick<TurnToAccount, 'tenant' | 'spender'> & { session?: string | undefined },
    limit: 'maxInputTokens' | 'maxOutputTokens' | 'framesPerSecond' | 'requestsPerMinute',
  ): { max: number; scope: string } | undefined {
    return ceilingOf(this.#options.settings, { tenant, session, spender }, limit);
  }

  get store(): AccountStore {
    return this.#options.store;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#tend(), everyMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#forgetAll();
  }

  /** The account of a turn; nothing is reserved by this. */
  turn({ maxCostUsd, route, ...about }: TurnToAccount): TurnAccount {
    const { tenant, session, spender = {} } = about;
    const meters = turnMeters(this.#options.settings, { tenant, session, spender, route });
    return this.#account(about, meters, maxCostUsd);
  }

  /** What the gateway asks on its own, on the operator's account: nothing limits it. */
  unlimited(about: AccountFacts): TurnAccount {
    return this.#account(about, [], undefined);
  }

  #account({ tenant, session, turn, spender = {} }: AccountFacts, meters: Meter[], maxCostUsd: number | undefined) {
    const { subject = 'anonymous', key, team, tier } = spender;
    return new TurnAccount(this.#tools, {
      tenant,
      id: accountOf(session, turn),
      meters,
      maxCostNano: maxCostUsd === undefined ? undefined : maxCostUsd * nanoPerUsd,
      facts: { session, turn, user: subject, key, team, tier },
    });
  }

  /** The place of a socket among those that its limits allow; undefined where nothing limits it. */
  socket(tenant: string, connection: string, spender: Spender): SocketPlace | undefined {
    const meters = socketMeters(this.#options.settings, { tenant, session: undefined, spender });
    if (meters.length === 0) return undefined;
    return this.#account({ tenant, session: 'socket', turn: connection, spender }, meters, undefined);
  }

  /**
   * Takes over the account of a turn whose node died, before it is read: that node, should it live after all, says nothing
   * more of it. Rejects with `StoreError`.
   */
  async takeOver(about: TurnToAccount): Promise<StoredAccount | undefined> {
    const { store, node, leaseMs, settings } = this.#options;
    const { tenant, session, turn, spender = {}, route } = about;
    const account = accountOf(session, turn);
    const meters = turnMeters(settings, { tenant, session, spender, route });
    const spent = { turns: 0, input: 0, output: 0, cost: 0 };
    await store.step({ tenant, account, node, takesOver: true, meters, spent, leaseMs });
    return store.readAccount(tenant, account);
  }

  async #tend(): Promise<void> {
    this.#round++;
    const tasks = [...this.#open].map((account) => account.renew());
    if (this.#round % lapsedRounds === 0)
      for (const tenant of this.#tenants) tasks.push(this.#options.store.releaseLapsed(tenant).then(() => {}));
    if (this.#round % trimRounds === 1) tasks.push(this.#trim());
    tasks.push(this.#forgetAll());
    const failed = (await Promise.allSettled(tasks)).find((result) => result.status === 'rejected');
    if (failed !== undefined)
      this.#options.logger.warn(
        { error: failed.reason as unknown },
        'what turns spend could not be stored; trying again',
      );
    this.start();
  }

  async #trim(): Promise<void> {
    const { store, clock, keepLedgerMs } = this.#options;
    for (const tenant of await store.accountTenants()) {
      this.#tenants.add(tenant);
      await store.trimLedger(tenant, clock.wall() - keepLedgerMs);
    }
  }

  async #forgetAll(): Promise<void> {
    const forgotten = this.#forgotten;
    this.#forgotten = new Map();
    for (const [tenant, ids] of forgotten) await this.#options.store.forgetAccounts(tenant, ids).catch(() => {});
  }

  #noteUses(tenant: string, uses: readonly MeterUse[]): void {
    const { thresholds, metrics, alerts, logger, clock } = this.#options;
    for (const { name, before, after, max } of uses) {
      for (const threshold of thresholds) {
        if (before >= threshold * max || after < threshold * max) continue;
        const { scope, subject, limit } = readMeterName(name);
        const isCost = limit.startsWith('cost');
        const window = limit.endsWith('Hour') ? 'hour' : limit.endsWith('Month') ? 'month' : 'day';
        const period = new Date(windowAt(window, clock.wall()).begin).toISOString();
        const unit = isCost ? nanoPerUsd : 1;
        const facts = { limit, scope: scope as CountedScope, threshold, used: after / unit, max: max / unit, period };
        const alert = { tenant, ...facts, ...(scope === 'tenant' ? {} : { [scope]: subject }) };
        metrics.alert(limit, threshold);
        logger.warn(alert, 'a limit was used up to a threshold');
        // one event, whichever nodes tell of it
        alerts.send({ ...alert, id: alertId(tenant, name, threshold, period) });
      }
    }
  }
}

/** Opaque: it goes out to another party. */
function alertId(...facts: (string | number)[]): string {
  return createHash('sha256').update(facts.join('\n')).digest('base64url').slice(0, 22);
}

/** Of a session and a turn, unique within the tenant: neither has a slash. */
export function accountOf(session: string, turn: string): string {
  return `${session}/${turn}`;
}
