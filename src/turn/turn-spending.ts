import { type Refusal, refusalOf } from '../limits/refusal.ts';
import type { TurnAccount } from '../limits/turn-account.ts';
import type { RouteDecision, Target } from '../routing/contract.ts';
import type { Session } from '../session/session.ts';
import type { StoredAccount } from '../store/account-contract.ts';
import type { TurnRecord } from '../store/contract.ts';
import type { TurnEnvironment } from './contract.ts';
import { estimateOf } from './estimate.ts';
import { minimum, type TurnOutput } from './turn-output.ts';

/** What one turn may spend and has spent: its account, and how much of its answer is paid for. */
export class TurnSpending {
  /** From the turn's admission on, or where its answer begins. */
  account: TurnAccount | undefined;
  output: TurnOutput | undefined;
  /** What a node that is gone had of it. */
  before: StoredAccount | undefined;
  /** Why there is no more output. */
  refusal: Refusal | undefined;
  /** By the limits of whoever asked. */
  readonly allowedOutput: number | undefined;
  /** Output tokens that no budget raises. */
  readonly mostOutput: number;
  readonly #accounting: TurnEnvironment['accounting'];
  readonly #session: Session;
  readonly #record: TurnRecord;

  constructor(
    { accounting, limits }: Pick<TurnEnvironment, 'accounting' | 'limits'>,
    session: Session,
    record: TurnRecord,
  ) {
    this.#accounting = accounting;
    this.#session = session;
    this.#record = record;
    const asked = record.frame.limits?.maxOutputTokens ?? Number.POSITIVE_INFINITY;
    this.allowedOutput = accounting.ceilingOf(this.#spender, 'maxOutputTokens')?.max;
    this.mostOutput = Math.min(asked, this.allowedOutput ?? asked, limits.maxOutputTokens);
  }

  get #spender() {
    return { turn: this.#record.turn, spender: this.#record.who, ...this.#session.key };
  }

  /** `decision` is unknown where what another node had chosen is not configured here. */
  open(decision: RouteDecision | undefined): TurnAccount {
    const { route, policy } = decision ?? {};
    const account = this.#accounting.turn({
      route: route === undefined || policy?.limits === undefined ? undefined : { name: route, limits: policy.limits },
      maxCostUsd: this.#record.frame.limits?.maxCostUsd,
      ...this.#spender,
    });
    if (this.before !== undefined) account.restore(this.before);
    this.account = account;
    return account;
  }

  /** Sees to it that the next upstream call is paid for; the reason where it is not. `input`: its tokens, asked where they matter. */
  async cover(decision: RouteDecision, input: () => number | Promise<number>): Promise<Refusal | undefined> {
    const account = this.account ?? this.open(decision);
    if (!account.isLimited && !account.limitsCost) return undefined;
    const params = this.#record.frame.params?.maxOutputTokens ?? this.#session.settings.params?.maxOutputTokens;
    const left = Math.max(1, this.mostOutput - (this.output?.tokens ?? 0));
    const most = minimum(minimum(params, decision.policy.maxOutputTokens), left)!;
    return account.cover(estimateOf(this.#accounting, decision, await input(), most));
  }

  /** What is handed on from now on is said by this target. */
  goesTo({ upstream, model }: Pick<Target, 'upstream' | 'model'>): void {
    this.account!.price = this.#accounting.priceOf({ upstream, model });
    this.boundOutput();
  }

  /** What is handed on is paid for. */
  boundOutput(): void {
    if (this.output !== undefined)
      this.output.maxTokens = Math.min(this.mostOutput, this.account?.boundOutput() ?? this.mostOutput);
  }

  /** `tokens` of the answer were handed on; whether it is time to ask for more. */
  shown(tokens: number): boolean {
    const account = this.account!;
    account.shown = tokens;
    return tokens > account.askAt;
  }

  /** Asks for more output, and lets an answer that waits for it go on or end. */
  async askForMore(isOver: () => boolean): Promise<void> {
    const output = this.output!;
    const before = output.maxTokens;
    const refusal = await this.account!.grow();
    if (isOver()) return;
    this.boundOutput();
    if (output.maxTokens > before) return output.resume();
    // one that does not wait is asked again when nothing is left
    if (!output.isWaiting) return;
    this.refusal = refusal ?? refusalOf('turn:/maxCostUsd', undefined);
    output.cut();
  }
}
