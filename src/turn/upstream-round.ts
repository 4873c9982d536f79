import { createHash } from 'node:crypto';
import type { TurnRouted } from '../../protocol/frames/turn.ts';
import type { Refusal } from '../limits/refusal.ts';
import type { CallReport, RunningCall, TurnAccount } from '../limits/turn-account.ts';
import type { CheckedFormat } from '../lib/json-format.ts';
import type { AttemptKind, AttemptReport } from '../routing/attempt.ts';
import type { RouteDecision, Target } from '../routing/contract.ts';
import type { RoutedSink } from '../routing/routed-answer.ts';
import type { SessionKey, TurnRecord } from '../store/contract.ts';
import {
  type FinishReason,
  type NativeAnswer,
  type ToolDefinition,
  UpstreamError,
  type UpstreamMessage,
  type UpstreamParams,
  type UpstreamSource,
  type UpstreamToolCall,
  type UpstreamUsage,
} from '../upstream/contract.ts';
import type { TurnEnvironment } from './contract.ts';
import { UnpaidCall } from './estimate.ts';
import { rowOf } from './ledger-row.ts';
import { type DeltaKind, lessBy, minimum, type TurnOutput } from './turn-output.ts';
import type { CountedCall, TurnUsage } from './turn-usage.ts';

/** Expected length of an answer that nothing bounds, for the shares of upstreams, tokens. */
const usualOutputTokens = 500;

/** What a round needs of its turn. */
export interface RoundHost {
  readonly turn: string;
  readonly key: SessionKey;
  readonly who: TurnRecord['who'];
  readonly output: TurnOutput;
  readonly usage: TurnUsage;
  readonly account: TurnAccount;
  /** What may be handed on changed with what is spent. */
  bounded(): void;
  readonly signal: AbortSignal;
  queued(ahead: number): void;
  /** What follows comes from there. */
  goesTo(target: Target, because: TurnRouted['because']): void;
  said(kind: DeltaKind, text: string): void;
  /** What this round said does not hold. */
  restarted(reason: string): void;
  answered(finish: FinishReason, round: UpstreamRound): void;
  failed(error: unknown): void;
  attempted(report: AttemptReport): void;
  /** A fault in `action` ends the turn, and nothing else. */
  guard(action: () => void): void;
}

export interface RoundRequest {
  decision: RouteDecision;
  /** The window and what the turn has said and heard since. */
  messages: readonly UpstreamMessage[];
  inputTokens: number;
  params: UpstreamParams;
  /** Of the turn, over all rounds. */
  maxOutputTokens: number | undefined;
  tools: readonly ToolDefinition[] | undefined;
  /** The last message is the beginning of the answer. */
  continuesAnswer: boolean;
  isFollowUp: boolean;
  /** Key of the target of the round before. */
  stay: string | undefined;
}

/** One answer of a turn; a turn with tools takes several. Accounts every upstream call that is made for it, once. */
export class UpstreamRound {
  readonly calls: UpstreamToolCall[] = [];
  readonly sources: UpstreamSource[] = [];
  native: NativeAnswer | undefined;
  /** Whether a provider was called. */
  hasCall = false;
  readonly #environment: TurnEnvironment;
  readonly #host: RoundHost;
  readonly #request: RoundRequest;
  /** Output before the call whose output is handed on now. */
  #tokensBefore: number;
  #reasoningBefore: number;
  /** A call whose output was handed on and is over; its own count is not settled, for some of it may still be counted. */
  #unsettled: AttemptReport | undefined;
  readonly #refusals = new Map<string, UpstreamError | undefined>();
  /** Calls that are under way, by target; they may be several of one. */
  readonly #running = new Map<string, RunningCall[]>();
  #isClosed = false;

  constructor(environment: TurnEnvironment, host: RoundHost, request: RoundRequest) {
    this.#environment = environment;
    this.#host = host;
    this.#request = request;
    this.#tokensBefore = host.output.tokens;
    this.#reasoningBefore = host.output.reasoningTokens;
  }

  start(): void {
    const { decision, inputTokens, params, isFollowUp, stay, tools } = this.#request;
    const { key, signal, output } = this.#host;
    output.beginRound();
    const bound = minimum(params.maxOutputTokens, this.#request.maxOutputTokens) ?? usualOutputTokens;
    const hasTools = tools !== undefined && tools.length > 0;
    this.#environment.dispatcher.answer(
      {
        decision,
        tenant: key.tenant,
        session: key.session,
        tokens: inputTokens + Math.min(bound, 4 * usualOutputTokens),
        stay,
        // an answer that goes on behind a text can be had from who takes it alone
        isFollowUp: isFollowUp || this.#request.continuesAnswer,
        hasTools,
        format: checkedFormatOf(params),
        build: (target, said) => this.#build(target, said),
        begins: (target, kind) => this.#begin(target, kind),
        refusalOf: (target) => this.#refusalOf(target, hasTools),
      },
      this.#sink(),
      signal,
    );
  }

  /** Accounts what is not accounted yet. Nothing more is told of the round. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#settle();
  }

  /** Asked at every choice of a target, also of calls that wait: looked up once per target. */
  #refusalOf(target: Target, hasTools: boolean): UpstreamError | undefined {
    if (!this.#refusals.has(target.key)) {
      const { accounting, refusalOf } = this.#environment;
      const isUnpriced = this.#host.account.limitsCost && accounting.priceOf(target) === undefined;
      this.#refusals.set(
        target.key,
        isUnpriced
          ? new UpstreamError('price_unknown', 'The model has no price, and what this turn costs is limited.')
          : refusalOf?.(target, this.#request.messages, hasTools),
      );
    }
    return this.#refusals.get(target.key);
  }

  /** The call is going to be made; the reason where what is left does not pay for it. */
  #begin(target: Target, kind: AttemptKind): UnpaidCall | undefined | Promise<UnpaidCall | undefined> {
    if (kind === 'shadow') return undefined;
    const { account } = this.#host;
    const call = account.begin(this.#environment.accounting.priceOf(target), this.#request.inputTokens);
    return call instanceof Promise ? call.then((paid) => this.#began(target, paid)) : this.#began(target, call);
  }

  #began(target: Target, call: RunningCall | Refusal): UnpaidCall | undefined {
    const { bounded } = this.#host;
    if ('code' in call) return new UnpaidCall(call);
    const running = this.#running.get(target.key);
    if (running === undefined) this.#running.set(target.key, [call]);
    else running.push(call);
    bounded();
    return undefined;
  }

  #build(target: Target, said: string | undefined): Parameters<Target['upstream']['stream']>[0] {
    const { messages, params, tools, decision, continuesAnswer, maxOutputTokens } = this.#request;
    const { turn, output, key, account } = this.#host;
    const goesOn = continuesAnswer || said !== undefined;
    const bounds = [
      goesOn ? lessBy(params.maxOutputTokens, output.roundTokens) : params.maxOutputTokens,
      goesOn ? lessBy(maxOutputTokens, output.tokens) : maxOutputTokens,
      decision.policy.maxOutputTokens,
      // a provider that stops by itself writes nothing that nobody pays for
      account.isAtEnd ? Math.max(1, output.maxTokens - output.tokens) : undefined,
    ];
    return {
      turn,
      model: target.model,
      messages: said === undefined ? messages : withSaid(messages, said, continuesAnswer),
      params: { ...params, maxOutputTokens: bounds.reduce(minimum) },
      tools,
      ...(goesOn ? { continuesAnswer: true } : {}),
      cacheKey: cacheKeyOf(key),
      timeouts: decision.policy.timeouts,
    };
  }

  #sink(): RoutedSink {
    const host = this.#host;
    return {
      onQueued: (ahead) => host.queued(ahead),
      onTarget: (target, because) => {
        this.#settle();
        this.hasCall = true;
        host.goesTo(target, because);
      },
      onRestart: (reason) => {
        this.calls.length = 0;
        this.sources.length = 0;
        this.native = undefined;
        host.output.restart();
        this.#settle();
        host.restarted(reason);
      },
      onAttempt: (report) => host.guard(() => this.#account(report)),
      onText: (text) => this.#say('text', text),
      onReasoning: (text) => this.#say('reasoning', text),
      onToolCallDelta: (text) => {
        this.#settle();
        host.guard(() => host.output.countToolText(text));
      },
      onToolCall: (call) => this.calls.push(call),
      onSource: (source) => this.sources.push(source),
      onNative: (value, { upstream }) => {
        this.native = { wire: upstream.wire, value };
      },
      onEnd: (finish) => host.guard(() => host.output.finish(() => host.answered(finish, this))),
      onError: (error) => host.guard(() => host.output.finish(() => host.failed(error))),
      onClose: () => {},
    };
  }

  #say(kind: DeltaKind, text: string): void {
    if (this.#unsettled !== undefined) this.#settle();
    this.#host.said(kind, text);
  }

  #account(report: AttemptReport): void {
    this.#host.attempted(report);
    if (report.isHandedOn) {
      this.#settle();
      this.#unsettled = report;
      return;
    }
    const { count } = this.#environment.tokensFor(report.model);
    const { text, reasoning, tool } = report.hidden;
    const thought = reasoning === '' ? 0 : count(reasoning);
    this.#add(report, { output: countOf(text, count) + countOf(tool, count) + thought, reasoning: thought }, 0);
  }

  /** The call whose output was handed on is over, and all it said is counted, as far as it can be. */
  #settle(): void {
    const report = this.#unsettled;
    if (report === undefined) return;
    this.#unsettled = undefined;
    const { output } = this.#host;
    const counted = {
      output: output.tokens - this.#tokensBefore,
      reasoning: output.reasoningTokens - this.#reasoningBefore,
    };
    this.#add(report, counted, counted.output);
    output.closeCall();
    this.#tokensBefore = output.tokens;
    this.#reasoningBefore = output.reasoningTokens;
  }

  /** `shown`: output tokens of it that were handed on. */
  #add(report: AttemptReport, counted: { output: number; reasoning: number }, shown: number): void {
    const usage = usageOf(report, counted);
    // what a provider refused, or never got, costs nothing
    const isFree = report.status === 'failed' && !report.isOpened && usage === undefined && counted.output === 0;
    const own = { input: isFree ? 0 : this.#request.inputTokens, ...counted };
    // the operator's, not the user's; and it may come when the turn has ended
    if (report.kind === 'shadow') return this.#shadow(report, usage, own);
    const call = this.#running.get(`${report.upstream}/${report.model}`)?.shift();
    // it was not made at all
    if (call === undefined) return;
    this.#host.account.end(call, { shown, ...this.#rowOf(report, usage, own) });
    this.#host.bounded();
    if (isFree) return;
    this.#host.usage.add(usage, own);
    if (usage !== undefined && report.status === 'completed' && counted.output > 0)
      this.#environment.accounting.metrics.drift(report.model, usage.output / counted.output);
  }

  /** A row of its own, which no user pays for. */
  #shadow(report: AttemptReport, usage: UpstreamUsage | undefined, own: CountedCall): void {
    const { accounting, logger } = this.#environment;
    const { key, turn, who } = this.#host;
    const account = accounting.unlimited({ ...key, turn: `${turn}-shadow`, spender: who });
    const price = accounting.priceOf({ upstream: { name: report.upstream }, model: report.model });
    account.end({ input: own.input, price }, { shown: 0, ...this.#rowOf(report, usage, own) });
    account
      .settle()
      .catch((error: unknown) => logger.error({ turn, error }, 'a call could not be put into the ledger'));
  }

  #rowOf(report: AttemptReport, usage: UpstreamUsage | undefined, own: CountedCall): Omit<CallReport, 'shown'> {
    const { route, variant } = this.#request.decision;
    const { exact } = this.#environment.tokensFor(report.model);
    return rowOf(report, usage, own, exact, { route, variant });
  }
}

/** The provider's figures; of a call that was cut they may be those of its beginning. */
function usageOf(
  { status, usage }: AttemptReport,
  counted: { output: number; reasoning: number },
): UpstreamUsage | undefined {
  if (usage === undefined || status === 'completed') return usage;
  return {
    ...usage,
    output: Math.max(usage.output, counted.output),
    reasoning: Math.max(usage.reasoning, counted.reasoning),
  };
}

function countOf(text: string, count: (text: string) => number): number {
  return text === '' ? 0 : count(text);
}

/** What the answer goes on behind, as its last message. */
function withSaid(messages: readonly UpstreamMessage[], said: string, hasBeginning: boolean): UpstreamMessage[] {
  const last = messages.at(-1);
  if (!hasBeginning || last?.role !== 'assistant') return [...messages, { role: 'assistant', text: said }];
  return [...messages.slice(0, -1), { ...last, text: last.text + said }];
}

function checkedFormatOf({ responseFormat }: UpstreamParams): CheckedFormat | undefined {
  return responseFormat === undefined || responseFormat.type === 'text' ? undefined : responseFormat;
}

/** The same for every turn of a session, on every node; tells a provider nothing. */
function cacheKeyOf({ tenant, session }: SessionKey): string {
  return createHash('sha256').update(`${tenant}\0${session}`).digest('base64url').slice(0, 22);
}
