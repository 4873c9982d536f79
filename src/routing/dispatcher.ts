import { AdmissionQueue } from './admission-queue.ts';
import { AnswerScope } from './answer-scope.ts';
import { Balancer, type BalancerOptions } from './balancer.ts';
import { answerByCascade } from './cascade.ts';
import type { Target, TargetGroup } from './contract.ts';
import { answerByEnsemble } from './ensemble.ts';
import { RoutedAnswer, type RoutedRequest, type RoutedSink } from './routed-answer.ts';
import type { AnswerTools, RoutedCall } from './routed-call.ts';
import { checkFormat } from './format-check.ts';

export interface DispatcherOptions extends BalancerOptions {
  mostWaiting: number;
  maxWaitMs: number;
}

const mostTenants = 10_000;

/** Brings calls to upstreams: the way that the route says, over the targets that do best. */
export class Dispatcher {
  readonly balancer: Balancer;
  readonly #options: DispatcherOptions;
  readonly #queue: AdmissionQueue<Target>;
  readonly #callsOfTenant = new Map<string, number>();
  /** By tenant, which of all calls its last one was; the longest unserved are forgotten. */
  readonly #servedAt = new Map<string, number>();
  #served = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.balancer = new Balancer(options);
    this.#queue = new AdmissionQueue({
      clock: options.clock,
      mostWaiting: options.mostWaiting,
      maxWaitMs: options.maxWaitMs,
      callsOf: (tenant) => this.#callsOfTenant.get(tenant) ?? 0,
      servedAt: (tenant) => this.#servedAt.get(tenant) ?? 0,
    });
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Answers through `sink`; after an abort only reports and the close come. Never throws. */
  answer(call: RoutedCall, sink: RoutedSink, signal: AbortSignal): void {
    const { decision } = call;
    const request = requestOf(call, decision.group);
    const tools: AnswerTools = { ask: (asked, to, by) => this.#ask(asked, to, by) };
    // who goes on with an answer stays with its way; several answers to a call of tools would each need their own results
    const strategy = call.isFollowUp ? undefined : decision.strategy;
    const start = (to: RoutedSink, by: AbortSignal): void => {
      if (strategy?.kind === 'cascade') answerByCascade(call, request, strategy, tools, to, by);
      else if (strategy?.kind === 'ensemble' && !call.hasTools)
        answerByEnsemble(call, request, strategy, tools, to, by);
      else tools.ask(request, to, by);
    };
    if (call.format === undefined) start(sink, signal);
    else checkFormat(call.format, decision.policy, start, sink, signal);
    if (decision.shadow !== undefined && !call.isFollowUp) this.#shadow(call, decision.shadow, sink, signal);
  }

  #ask(request: RoutedRequest, sink: RoutedSink, signal: AbortSignal): void {
    const { tenant } = request;
    this.#callsOfTenant.set(tenant, (this.#callsOfTenant.get(tenant) ?? 0) + 1);
    const { clock, random } = this.#options;
    new RoutedAnswer(request, sink, signal, {
      balancer: this.balancer,
      queue: this.#queue,
      clock,
      random,
      launched: () => this.#noteServed(tenant),
      released: () => queueMicrotask(() => this.#queue.look()),
      closed: () => {
        this.#leave(tenant);
        // the place is free now, not when the answer ended: its connection was still open
        this.#queue.look();
      },
    }).start();
  }

  #leave(tenant: string): void {
    const left = (this.#callsOfTenant.get(tenant) ?? 1) - 1;
    if (left === 0) this.#callsOfTenant.delete(tenant);
    else this.#callsOfTenant.set(tenant, left);
  }

  #noteServed(tenant: string): void {
    this.#servedAt.delete(tenant);
    this.#servedAt.set(tenant, ++this.#served);
    if (this.#servedAt.size > mostTenants) this.#servedAt.delete(this.#servedAt.keys().next().value!);
  }

  /** A copy whose answer nobody sees. A cancel of the turn ends it; otherwise it may outlive it. */
  #shadow(call: RoutedCall, group: TargetGroup, sink: RoutedSink, signal: AbortSignal): void {
    const request: RoutedRequest = { ...requestOf(call, group), fallback: [], kind: 'shadow' };
    const quiet: RoutedRequest = { ...request, policy: { ...request.policy, retries: 0, hedgeAfterMs: undefined } };
    const scope = new AnswerScope(signal, () => {});
    const part = scope.part();
    this.#ask(quiet, shadowSink(sink, part.closed), part.signal);
  }
}

function shadowSink(sink: RoutedSink, closed: () => void): RoutedSink {
  const said = { text: '', reasoning: '', tool: '' };
  return {
    onQueued: () => {},
    onTarget: () => {},
    onRestart: () => {},
    onAttempt: (report) =>
      sink.onAttempt({ ...report, isHandedOn: false, hidden: report.isHandedOn ? { ...said } : report.hidden }),
    onText: (text) => void (said.text += text),
    onReasoning: (text) => void (said.reasoning += text),
    onToolCallDelta: (text) => void (said.tool += text),
    onToolCall: () => {},
    onSource: () => {},
    onNative: () => {},
    onEnd: () => {},
    onError: () => {},
    onClose: closed,
  };
}

function requestOf(call: RoutedCall, group: TargetGroup): RoutedRequest {
  const { decision, isFollowUp: _followUp, hasTools: _tools, format: _format, ...rest } = call;
  return { group, fallback: decision.fallback, policy: decision.policy, ...rest };
}
