import { costOf } from '../ledger/price.ts';
import type {
  AccountResult,
  AccountStep,
  Amounts,
  Meter,
  NewLedgerRow,
  StoredAccount,
} from '../store/account-contract.ts';
import { StoreError } from '../store/store-error.ts';
import type { AccountingTools } from './account-tools.ts';
import type { TokenPrice } from './contract.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** What a turn surely takes, and how much more it would like. */
export interface Estimate {
  /** Tokens of the next upstream call, and how many such calls are made at once. */
  input: number;
  calls: number;
  /** The most expensive of what may answer; undefined: nothing is known of its price. */
  price: TokenPrice | undefined;
  /** Longest answer, tokens. */
  most: number;
}

/** An upstream call that is under way. */
export interface RunningCall {
  input: number;
  price: TokenPrice | undefined;
}

/** An upstream call that is over, but for what the account knows itself. */
export type CallReport = Omit<
  NewLedgerRow,
  'tenant' | 'session' | 'turn' | 'attempt' | 'user' | 'costNanoUsd' | 'price'
> & {
  /** Tokens of it that were handed on, by the gateway's own count. */
  shown: number;
};

/** Answers that a call would be let go on with at least, where that is not all it is asked for, tokens. */
const leastOutput = 16;
/** An answer asks for more when it has used this share of what it was granted. */
const lowWater = 3 / 4;

/**
 * What one turn may spend and has spent: reserved before it begins, counted while it streams, settled at its end. Every upstream
 * call is a row of the ledger. Without limits it only writes that.
 */
export class TurnAccount {
  readonly tenant: string;
  readonly id: string;
  /** Price of what is being shown. */
  price: TokenPrice | undefined;
  /** Output tokens handed on, all calls together: kept up to date by whoever hands on. */
  shown = 0;
  /** There was less than it asked for: what it has is all there is, as far as is known. */
  isAtEnd = false;
  /** Above this many the next piece is worth asking for more. */
  askAt = Number.POSITIVE_INFINITY;
  readonly #tools: AccountingTools;
  readonly #meters: readonly Meter[];
  readonly #facts: Pick<NewLedgerRow, 'session' | 'turn' | 'user' | 'key' | 'team' | 'tier'>;
  /** Of the turn's own limit, billionths of a US dollar. */
  readonly #maxCost: number;
  readonly #running = new Set<RunningCall>();
  #spent: Amounts = nothing;
  #allowance: Amounts = unlimited;
  /** Output tokens handed on by calls that are over. */
  #shownBefore = 0;
  #rows: NewLedgerRow[] = [];
  #attempts = 0;
  #unpriced = 0;
  /** Output tokens of the allowance as the store has it, whatever limits them. */
  #granted = 0;
  #isOpen = false;
  #isNew = false;
  /** The store knows that this node runs its turn. */
  #isOwn = false;
  #takesOver = false;
  #isUnchecked = false;
  #isOver = false;
  /** Why there was no more, and when that was. */
  #refusal: { refusal: Refusal; atMs: number } | undefined;
  #growing: Promise<Refusal | undefined> | undefined;

  constructor(
    tools: AccountingTools,
    about: {
      tenant: string;
      id: string;
      meters: readonly Meter[];
      maxCostNano: number | undefined;
      facts: Pick<NewLedgerRow, 'session' | 'turn' | 'user' | 'key' | 'team' | 'tier'>;
    },
  ) {
    this.#tools = tools;
    this.tenant = about.tenant;
    this.id = about.id;
    this.#meters = about.meters;
    this.#maxCost = about.maxCostNano ?? Number.POSITIVE_INFINITY;
    this.#facts = about.facts;
  }

  /** Whether what a call costs has to be known. */
  get limitsCost(): boolean {
    return this.#maxCost !== Number.POSITIVE_INFINITY || this.#meters.some(({ unit }) => unit === 'cost');
  }

  /** Whether there is anything to reserve. */
  get isLimited(): boolean {
    return this.#meters.length > 0;
  }

  /** Of all calls that are over; undefined where one of them had no price. */
  get costNano(): number | undefined {
    return this.#unpriced > 0 ? undefined : this.#spent.cost;
  }

  /** Holds a place and nothing else, until `cancel`. */
  take(): Promise<Refusal | undefined> {
    return this.#ask(nothing, { least: 0, most: 0, price: undefined });
  }

  /** The turn is claimed by this node: whoever reserved for it before says nothing more. */
  claimed(): void {
    this.#takesOver = true;
  }

  /**
   * Sees to it that the next call is paid for: reserved before the turn is taken, and asked for again where what is left does not
   * cover a later call. One step over all limits, or none. Answers the reason where it may not be made.
   */
  async cover({ input, calls, price, most }: Estimate): Promise<Refusal | undefined> {
    const live = this.#live();
    const cost = live.cost + Math.ceil(calls * input * (price?.input ?? 0));
    const own = this.#ownRefusal(cost, price);
    if (own !== undefined || !this.isLimited) return own;
    const need = { turns: 1, input: live.input + calls * input, output: live.output, cost };
    const least = Math.min(leastOutput, most);
    const has = this.#allowance;
    const isCovered =
      this.#isOpen &&
      need.input <= has.input &&
      need.output + least <= has.output &&
      need.cost + least * (price?.output ?? 0) <= has.cost;
    if (isCovered && (this.#isOwn || !this.#takesOver)) return undefined;
    return this.#ask(need, { least, most: Math.min(most, this.#tools.estimateTokens) * calls, price });
  }

  /** Goes on with an account that another node had. */
  restore({ rows, allowance, isSettled }: StoredAccount): void {
    for (const row of rows) this.#count(row, row.shown ?? 0);
    this.#attempts = rows.at(-1)?.attempt ?? 0;
    this.#rows = [];
    this.#takesOver = true;
    this.#isOwn = true;
    if (isSettled || !this.isLimited) return;
    this.#isOpen = true;
    this.#allow(allowance);
    this.#tools.keep(this);
  }

  /**
   * A call is about to be made. Answers why not, where nothing pays for it; a promise where more has to be asked for first.
   */
  begin(price: TokenPrice | undefined, input: number): RunningCall | Refusal | Promise<RunningCall | Refusal> {
    const cost = input * (price?.input ?? 0);
    const own = this.#ownRefusal(this.#live().cost + cost, price);
    if (own !== undefined) return own;
    const left = this.#left();
    if (input <= left.input && cost <= left.cost && left.output >= 1) return this.#begun(price, input);
    const { estimateTokens: most } = this.#tools;
    return this.cover({ input, calls: 1, price, most }).then((refusal) => refusal ?? this.#begun(price, input));
  }

  #begun(price: TokenPrice | undefined, input: number): RunningCall {
    const call = { input, price };
    this.#running.add(call);
    return call;
  }

  /** A call is over: counted, and a row of the ledger. */
  end(call: RunningCall | undefined, report: CallReport): void {
    if (call !== undefined) this.#running.delete(call);
    const price = call?.price;
    const row: NewLedgerRow = {
      tenant: this.tenant,
      ...this.#facts,
      ...report,
      attempt: ++this.#attempts,
      ...(price === undefined ? {} : { costNanoUsd: costOf(price, report), price: price.label }),
    };
    this.#rows.push(row);
    this.#tools.called(row);
    this.#count(row, report.shown);
  }

  #count(row: NewLedgerRow, shown: number): void {
    this.#shownBefore += shown;
    if (row.costNanoUsd === undefined && row.input + row.output > 0) this.#unpriced++;
    this.#spent = {
      turns: 1,
      input: this.#spent.input + row.input,
      output: this.#spent.output + row.output,
      cost: this.#spent.cost + (row.costNanoUsd ?? 0),
    };
  }

  /**
   * Output tokens handed on, all calls together, beyond which nothing is paid for. Sets `askAt` behind it, so it is to be asked again
   * whenever something else is spent or allowed.
   */
  boundOutput(): number {
    const more = this.#outputLeft();
    this.askAt = this.#shownBefore + Math.floor(more * lowWater);
    return this.#shownBefore + more;
  }

  /** Output tokens that are paid for, beyond what calls that are over have handed on. */
  #outputLeft(): number {
    const left = this.#left();
    const each = this.price?.output ?? 0;
    // so small a part of a billionth comes of adding
    const byCost = each === 0 ? Number.POSITIVE_INFINITY : Math.floor(left.cost / each + 1e-9);
    return Math.max(0, Math.min(left.output, byCost));
  }

  /** The limit that leaves nothing more for an answer, as far as that is known here; undefined where there is more. */
  get limitReached(): Refusal | undefined {
    if (this.#shownBefore + this.#outputLeft() - this.shown > 1) return undefined;
    if (this.#refusal !== undefined) return this.#refusal.refusal;
    const meter =
      this.#meters.find(({ unit }) => unit === 'output') ?? this.#meters.find(({ unit }) => unit === 'cost');
    return meter === undefined ? ownBudget : refusalOf(meter.name, 0);
  }

  /** Asks for more output; the reason where there is none. One question at a time. */
  grow(): Promise<Refusal | undefined> {
    this.askAt = Number.POSITIVE_INFINITY;
    this.#growing ??= this.#grow().finally(() => {
      this.#growing = undefined;
    });
    return this.#growing;
  }

  async #grow(): Promise<Refusal | undefined> {
    const live = this.#live();
    const each = this.price?.output ?? 0;
    if (live.cost + each > this.#maxCost || !this.isLimited) return ownBudget;
    const { estimateTokens, now } = this.#tools;
    // it was just asked
    if (this.#refusal !== undefined && now() - this.#refusal.atMs < refusedMs) return this.#refusal.refusal;
    return this.#ask(live, { least: 1, most: estimateTokens, price: this.price });
  }

  async #ask(
    cover: Amounts,
    { least, most, price }: { least: number; most: number; price: TokenPrice | undefined },
  ): Promise<Refusal | undefined> {
    const { now, isOpenOnLoss } = this.#tools;
    try {
      const result = await this.#step({
        takesOver: this.#takesOver,
        cover,
        output: { least, most: Math.max(least, most), costEach: price?.output ?? 0 },
      });
      if (result.outcome === 'refused') {
        const refusal = refusalOf(result.meter, result.retryAfterMs);
        this.#refusal = { refusal, atMs: now() };
        this.#tools.refused(refusal);
        return refusal;
      }
      this.#refusal = undefined;
      if (result.outcome === 'open') {
        const granted = result.allowance.output - Math.max(this.#granted, cover.output);
        this.isAtEnd = granted < most;
        this.#allow(result.allowance);
      }
      if (result.outcome === 'open' && result.isNew) this.#isNew = true;
      if (this.#isNew || this.#takesOver) this.#isOwn = true;
      if (!this.#isOpen) this.#tools.keep(this);
      this.#isOpen = true;
      return undefined;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!isOpenOnLoss) return unreachable;
      // told to go on: what it spends is counted when the store is back
      this.#isUnchecked = true;
      this.#allowance = unlimited;
      return undefined;
    }
  }

  /** Tells the store what was spent until now, so that others see it, and that this account is alive. */
  async renew(): Promise<void> {
    if (this.#isOver || !this.#isOpen) return;
    const result = await this.#step({});
    // it may have lapsed
    if (result.outcome === 'open' && !this.#isUnchecked) this.#allow(result.allowance);
  }

  /** Another turn object, perhaps on another node, has the same account. */
  handOff(): void {
    this.#isOver = true;
    this.#tools.release(this);
  }

  /** Writes the rows of calls that are over; another node goes on with the account. */
  async leave(): Promise<void> {
    this.handOff();
    if (this.#rows.length > 0) await this.#step({ spent: this.#spent });
  }

  /** The end: what was not spent is given back, and the rest of the rows written. Repeated until it is answered. */
  async settle(): Promise<void> {
    this.handOff();
    if (this.#rows.length === 0 && !this.isLimited) return;
    await this.#step({ spent: { ...this.#spent, turns: 1 }, settle: true });
  }

  /** It came to nothing: the turn was not taken. What was reserved is given back; should that fail, it lapses. */
  async cancel(): Promise<void> {
    this.handOff();
    // what is not this one's own is not its to give back
    if (!this.#isOpen || !this.#isNew) return;
    await this.#step({ spent: nothing, settle: true });
    this.forget();
  }

  /** One step in the store, with the rows that are not there yet. */
  async #step(more: Partial<AccountStep>): Promise<AccountResult> {
    const { store, node, leaseMs, noteUses } = this.#tools;
    const { tenant, id: account } = this;
    const rows = this.#rows;
    const spent = this.#live();
    const result = await store.step({ tenant, account, node, meters: this.#meters, spent, leaseMs, rows, ...more });
    if (result.outcome === 'foreign') return result;
    const last = rows.at(-1)?.attempt ?? 0;
    this.#rows = this.#rows.filter(({ attempt }) => attempt > last);
    noteUses(tenant, result.uses);
    return result;
  }

  /** What the store allows; what no meter counts is not limited. */
  #allow(allowance: Amounts): void {
    this.#granted = allowance.output;
    const limited = { ...allowance };
    for (const unit of ['input', 'output', 'cost'] as const)
      if (!this.#meters.some((meter) => meter.unit === unit)) limited[unit] = Number.POSITIVE_INFINITY;
    this.#allowance = limited;
  }

  /** Its turn is stored as ended: nobody asks for it again. */
  forget(): void {
    this.#tools.forget(this.tenant, this.id);
  }

  /** What was spent, with what runs now. */
  #live(): Amounts {
    const output = Math.max(0, this.shown - this.#shownBefore);
    let input = this.#spent.input;
    for (const call of this.#running) input += call.input;
    const cost = this.#spent.cost + this.#runningCost() + output * (this.price?.output ?? 0);
    // one that is still to be let in has not been spent
    const turns = this.#isOpen ? 1 : 0;
    return { turns, input, output: this.#spent.output + output, cost: Math.ceil(cost - 1e-6) };
  }

  #runningCost(): number {
    let cost = 0;
    for (const { input, price } of this.#running) cost += input * (price?.input ?? 0);
    return cost;
  }

  /** What may be spent beyond calls that are over and the input of those that run. */
  #left(): Amounts {
    let input = this.#allowance.input - this.#spent.input;
    for (const call of this.#running) input -= call.input;
    const cost = Math.min(this.#allowance.cost, this.#maxCost) - this.#spent.cost - this.#runningCost();
    return { turns: 1, input, output: this.#allowance.output - this.#spent.output, cost };
  }

  #ownRefusal(cost: number, price: TokenPrice | undefined): Refusal | undefined {
    if (!this.limitsCost) return undefined;
    if (price === undefined) return noPrice;
    return cost > this.#maxCost ? ownBudget : undefined;
  }
}

/** After a refusal the store is not asked again for this long, milliseconds. */
const refusedMs = 250;

const nothing: Readonly<Amounts> = { turns: 0, input: 0, output: 0, cost: 0 };

const unlimited: Readonly<Amounts> = {
  turns: Number.POSITIVE_INFINITY,
  input: Number.POSITIVE_INFINITY,
  output: Number.POSITIVE_INFINITY,
  cost: Number.POSITIVE_INFINITY,
};

const noPrice: Refusal = {
  code: 'price_unknown',
  message: 'What this turn costs is limited, and its model has no price; the operator can add one to the catalogue.',
};

const ownBudget: Refusal = {
  code: 'budget_exceeded',
  message: 'The turn reached its limit of cost.',
  limit: 'maxCostUsd',
  scope: 'turn',
};

const unreachable: Refusal = {
  code: 'store_unavailable',
  message: 'The limits of this turn cannot be checked now; try again.',
};
