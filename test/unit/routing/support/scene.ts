import type { Upstream, UpstreamRequest, UpstreamSink, UpstreamUsage } from '../../../../src/upstream/contract.ts';
import { UpstreamError } from '../../../../src/upstream/contract.ts';
import type { ErrorCode } from '../../../../protocol/error-codes.ts';
import type { AttemptReport } from '../../../../src/routing/attempt.ts';
import { Dispatcher } from '../../../../src/routing/dispatcher.ts';
import type { Load } from '../../../../src/routing/degradation.ts';
import { createRouter } from '../../../../src/routing/route-table.ts';
import type { RoutedCall } from '../../../../src/routing/routed-call.ts';
import type { RoutedSink } from '../../../../src/routing/routed-answer.ts';
import { type RoutingRules, routingShape } from '../../../../src/routing/rules.ts';
import type { CapacityLimits } from '../../../../src/routing/upstream-capacity.ts';
import { z } from 'zod';
import { seededRandom } from '../../../support/seeded-random.ts';
import { ManualClock } from '../../upstream/support/manual-clock.ts';

/** One call of a played upstream. */
export interface PlayedCall {
  upstream: string;
  request: UpstreamRequest;
  sink: UpstreamSink;
  signal: AbortSignal;
  say(...pieces: string[]): void;
  end(finish?: 'stop' | 'content_filter' | 'length', usage?: UpstreamUsage): void;
  fail(code: ErrorCode, retryAfterMs?: number): void;
}

export type Play = (call: PlayedCall) => void;

const rulesSchema = z.object(routingShape);

/** Upstreams that a test plays, a router over them and a dispatcher, in a time that the test moves. */
export function createScene(
  rules: z.input<typeof rulesSchema>,
  options: {
    upstreams?: { name: string; prefix?: boolean; models?: string[] }[];
    play?: Play;
    limits?: Record<string, CapacityLimits>;
    mostWaiting?: number;
    seed?: number;
    load?: () => Load;
  } = {},
) {
  const clock = new ManualClock();
  const calls: PlayedCall[] = [];
  const { play } = options;
  const names = options.upstreams ?? [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const upstreams = names.map(
    ({ name, prefix, models }): Upstream => ({
      name,
      wire: 'played',
      models: models ?? [],
      defaultModel: `model-${name}`,
      acceptsPrefix: prefix === true,
      stream(request, sink, signal) {
        let isOver = false;
        const close = (): void => {
          if (isOver) return;
          isOver = true;
          sink.onClose();
        };
        signal.addEventListener('abort', close, { once: true });
        const call: PlayedCall = {
          upstream: name,
          request,
          sink,
          signal,
          say(...pieces) {
            for (const piece of pieces) if (!isOver) sink.onText(piece);
          },
          end(finish = 'stop', usage) {
            if (isOver) return;
            if (usage !== undefined) sink.onUsage(usage);
            sink.onEnd(finish, finish);
            close();
          },
          fail(code, retryAfterMs) {
            if (isOver) return;
            sink.onError(new UpstreamError(code, code, { retryAfterMs }));
            close();
          },
        };
        calls.push(call);
        sink.onOpen(undefined);
        play?.(call);
      },
      close: async () => {},
    }),
  );
  const parsed: RoutingRules = rulesSchema.parse(rules);
  const router = createRouter({ upstreams, rules: parsed, wall: () => clock.wall(), load: options.load });
  const dispatcher = new Dispatcher({
    clock,
    random: seededRandom(options.seed ?? 1),
    limitsOf: (name) => options.limits?.[name] ?? {},
    mostWaiting: options.mostWaiting ?? 100,
    maxWaitMs: 30_000,
  });

  function ask(asked: Partial<RoutedCall> & { route?: string; model?: string } = {}) {
    const { route, model, ...call } = asked;
    const decision = call.decision ?? router.route({ route, model, tenant: 't', session: call.session ?? 's' });
    const controller = new AbortController();
    const told: string[] = [];
    const reports: AttemptReport[] = [];
    let text = '';
    const sink: RoutedSink = {
      onQueued: (ahead) => told.push(`queued ${ahead}`),
      onTarget: (target, because) => told.push(`target ${target.key}${because === undefined ? '' : ` ${because}`}`),
      onRestart(reason) {
        text = '';
        told.push(`restart ${reason}`);
      },
      onAttempt: (report) => reports.push(report),
      onText: (piece) => (text += piece),
      onReasoning: (piece) => told.push(`reasoning ${piece}`),
      onToolCallDelta: () => {},
      onToolCall: (toolCall) => told.push(`call ${toolCall.name}`),
      onSource: () => {},
      onNative: () => {},
      onEnd: (finish) => told.push(`end ${finish}`),
      onError: (error) => told.push(`error ${error.code}`),
      onClose: () => told.push('close'),
    };
    dispatcher.answer(
      {
        decision,
        tenant: 't',
        session: 's',
        tokens: 100,
        isFollowUp: false,
        hasTools: false,
        format: undefined,
        build: (target, said) => ({
          turn: 'turn',
          model: target.model,
          messages: [
            { role: 'user', content: 'question' },
            ...(said === undefined ? [] : [{ role: 'assistant' as const, text: said }]),
          ],
          params: {},
          ...(said === undefined ? {} : { continuesAnswer: true }),
        }),
        ...call,
      },
      sink,
      controller.signal,
    );
    return {
      told,
      reports,
      get text() {
        return text;
      },
      abort: (reason = 'cancelled') => controller.abort(reason),
      kinds: () => reports.map(({ kind, status, upstream }) => `${kind} ${upstream} ${status}`),
    };
  }

  return { clock, calls, router, dispatcher, ask, upstreams };
}

/** Lets what was put off to the next microtasks happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
