import { createHash } from 'node:crypto';
import type { TurnRouted } from '../../protocol/frames/turn.ts';
import type { CheckedFormat } from '../lib/json-format.ts';
import type { AttemptReport } from '../routing/attempt.ts';
import type { RouteDecision, Target } from '../routing/contract.ts';
import type { RoutedSink } from '../routing/routed-answer.ts';
import type { SessionKey } from '../store/contract.ts';
import type {
  FinishReason,
  NativeAnswer,
  ToolDefinition,
  UpstreamError,
  UpstreamMessage,
  UpstreamParams,
  UpstreamSource,
  UpstreamToolCall,
  UpstreamUsage,
} from '../upstream/contract.ts';
import type { TurnEnvironment } from './contract.ts';
import { type DeltaKind, lessBy, minimum, type TurnOutput } from './turn-output.ts';
import type { TurnUsage } from './turn-usage.ts';

/** Expected length of an answer that nothing bounds, for the shares of upstreams, tokens. */
const usualOutputTokens = 500;

/** What a round needs of its turn. */
export interface RoundHost {
  readonly turn: string;
  readonly key: SessionKey;
  readonly output: TurnOutput;
  readonly usage: TurnUsage;
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
    if (!this.#refusals.has(target.key))
      this.#refusals.set(target.key, this.#environment.refusalOf?.(target, this.#request.messages, hasTools));
    return this.#refusals.get(target.key);
  }

  #build(target: Target, said: string | undefined): Parameters<Target['upstream']['stream']>[0] {
    const { messages, params, tools, decision, continuesAnswer, maxOutputTokens } = this.#request;
    const { turn, output, key } = this.#host;
    const goesOn = continuesAnswer || said !== undefined;
    const bounds = [
      goesOn ? lessBy(params.maxOutputTokens, output.roundTokens) : params.maxOutputTokens,
      goesOn ? lessBy(maxOutputTokens, output.tokens) : maxOutputTokens,
      decision.policy.maxOutputTokens,
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
    // the operator's, not the user's; and it may come when the turn has ended
    if (report.kind === 'shadow') return;
    if (report.isHandedOn) {
      this.#settle();
      this.#unsettled = report;
      return;
    }
    const { count } = this.#environment.tokensFor(report.model);
    const { text, reasoning, tool } = report.hidden;
    const thought = reasoning === '' ? 0 : count(reasoning);
    this.#add(report, { output: countOf(text, count) + countOf(tool, count) + thought, reasoning: thought });
  }

  /** The call whose output was handed on is over, and all it said is counted, as far as it can be. */
  #settle(): void {
    const report = this.#unsettled;
    if (report === undefined) return;
    this.#unsettled = undefined;
    const { output } = this.#host;
    this.#add(report, {
      output: output.tokens - this.#tokensBefore,
      reasoning: output.reasoningTokens - this.#reasoningBefore,
    });
    output.closeCall();
    this.#tokensBefore = output.tokens;
    this.#reasoningBefore = output.reasoningTokens;
  }

  #add(report: AttemptReport, counted: { output: number; reasoning: number }): void {
    const usage = usageOf(report, counted);
    // what a provider refused, or never got, costs nothing
    const isFree = report.status === 'failed' && !report.isOpened && usage === undefined && counted.output === 0;
    if (isFree) return;
    this.#host.usage.add(usage, { input: this.#request.inputTokens, ...counted });
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
