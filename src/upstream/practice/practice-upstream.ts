import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Upstream } from '../contract.ts';
import { messageText } from '../message-text.ts';
import { readConversation } from './conversation.ts';
import { countPieces, cutAtStop, splitPieces } from './pieces.ts';
import { PracticeAnswer, type PracticeStep } from './practice-answer.ts';
import { writeScript } from './script.ts';

export interface PracticeUpstreamOptions {
  /** Default `practice`. */
  name?: string | undefined;
  /** Pace of the model `practice`; `practice-fast` is ten times as fast. 0 or Infinity: no pace. Default 40. */
  tokensPerSecond?: number | undefined;
  /** Silence before the first token; none for `practice-fast`. Default 300. */
  firstTokenMs?: number | undefined;
  /** Varies what is said; the same input and seed give the same answer. Default 0. */
  seed?: number | undefined;
  /** Counts for the usage report. Default: about one token per word. */
  countTokens?: ((text: string) => number) | undefined;
  clock?: Clock | undefined;
}

const slowTokensPerSecond = 3;

/** A model inside the gateway, without a key, a network or costs: for trying everything else out. */
export function createPracticeUpstream(options: PracticeUpstreamOptions = {}): Upstream {
  const clock = options.clock ?? systemClock;
  const countTokens = options.countTokens ?? countPieces;
  const tokensPerSecond = options.tokensPerSecond ?? 40;
  const firstTokenMs = options.firstTokenMs ?? 300;
  const running = new Set<PracticeAnswer>();
  const waitingForIdle: (() => void)[] = [];

  return {
    name: options.name ?? 'practice',
    wire: 'practice',
    models: ['practice', 'practice-fast'],
    defaultModel: 'practice',
    acceptsPrefix: true,

    stream(request, sink, signal) {
      if (signal.aborted) {
        queueMicrotask(() => sink.onClose());
        return;
      }
      const said = request.continuesAnswer === true ? messageText(request.messages.at(-1)!) : undefined;
      const asked = said === undefined ? request : { ...request, messages: request.messages.slice(0, -1) };
      const script = writeScript(readConversation(asked), request.params.seed ?? options.seed ?? 0);
      const { text: whole, stopped } = cutAtStop(script.text, request.params.stop ?? []);
      const reasoning = said === undefined ? script.reasoning : '';
      const text = said !== undefined && whole.startsWith(said) ? whole.slice(said.length) : whole;
      const steps: PracticeStep[] = [
        ...splitPieces(reasoning).map((piece) => ({ kind: 'reasoning', text: piece }) as const),
        ...splitPieces(text).map((piece) => ({ kind: 'text', text: piece }) as const),
      ];
      if (script.call !== undefined) {
        const written = script.call.name + script.call.arguments;
        steps.push(...splitPieces(written).map((piece) => ({ kind: 'toolCallDelta', text: piece }) as const));
      }
      const isFast = request.model === 'practice-fast';
      const answer = new PracticeAnswer({
        requestId: `practice-${request.turn}`,
        steps,
        call: script.call,
        error: stopped ? undefined : script.error,
        inputTokens: request.messages.reduce((sum, message) => sum + countTokens(messageText(message)), 0),
        countTokens,
        maxOutputTokens: request.params.maxOutputTokens ?? Number.POSITIVE_INFINITY,
        firstTokenMs: isFast ? 0 : firstTokenMs,
        tokensPerSecond: script.slow ? slowTokensPerSecond : tokensPerSecond * (isFast ? 10 : 1),
        clock,
        sink,
        signal,
        onClosed: () => {
          running.delete(answer);
          if (running.size === 0) for (const resolve of waitingForIdle.splice(0)) resolve();
        },
      });
      running.add(answer);
    },

    close() {
      if (running.size === 0) return Promise.resolve();
      return new Promise((resolve) => waitingForIdle.push(resolve));
    },
  };
}
