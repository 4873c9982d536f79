import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Upstream, UpstreamError, type UpstreamRequest, type UpstreamTimeouts } from '../contract.ts';
import { createCallOptions } from './call-options.ts';
import { type LanguageModel, type ProviderOptions, versionOf } from './language-model.ts';
import { ModelAnswer } from './model-answer.ts';

export interface AiSdkUpstreamOptions {
  name: string;
  /** Under its own name. */
  model?: LanguageModel | undefined;
  /** By the names clients may ask for. */
  models?: Readonly<Record<string, LanguageModel>> | undefined;
  /** Default: the first one. */
  defaultModel?: string | undefined;
  /** Given to the model with each call, by provider; a function where it depends on the request. */
  providerOptions?: ProviderOptions | ((request: UpstreamRequest) => ProviderOptions | undefined) | undefined;
  /** Sent with each call, where the model speaks HTTP; treated as secret. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** `connectMs` has no effect: `firstTokenMs` holds from the call on. */
  timeouts?: Partial<UpstreamTimeouts> | undefined;
  /** Bound of text, reasoning and tool arguments of one answer. Default 8 MiB. */
  maxOutputBytes?: number | undefined;
  clock?: Clock | undefined;
}

const defaultTimeouts: UpstreamTimeouts = { connectMs: 5_000, firstTokenMs: 60_000, idleMs: 30_000, totalMs: 600_000 };

/**
 * An upstream of language models of the AI SDK (versions 2 to 4 of their contract), for programs that bring them:
 * `createGateway({ upstreamObjects: [createAiSdkUpstream({ name: 'mine', model })] })`.
 *
 * @throws TypeError without a model, for one of another version, or where `defaultModel` is none of them
 */
export function createAiSdkUpstream(options: AiSdkUpstreamOptions): Upstream {
  const { model, clock = systemClock, headers = {}, maxOutputBytes = 8 * 1024 * 1024 } = options;
  const models = new Map(Object.entries(options.models ?? {}));
  if (model !== undefined) models.set(model.modelId, model);
  for (const one of models.values()) versionOf(one);
  const defaultModel = options.defaultModel ?? model?.modelId ?? [...models.keys()][0];
  if (defaultModel === undefined || !models.has(defaultModel))
    throw new TypeError('An AI SDK upstream needs a model, and the default model has to be one of its models.');
  const secrets = Object.values(headers);
  const running = new Set<ModelAnswer>();
  const waitingForIdle: (() => void)[] = [];

  return {
    name: options.name,
    wire: 'ai-sdk',
    models: [...models.keys()],
    defaultModel,

    stream(request, sink, signal) {
      if (signal.aborted) {
        queueMicrotask(() => sink.onClose());
        return;
      }
      const asked = models.get(request.model);
      if (asked === undefined) {
        queueMicrotask(() => {
          if (!signal.aborted)
            sink.onError(new UpstreamError('model_not_found', `The upstream ${options.name} has no such model.`));
          sink.onClose();
        });
        return;
      }
      const answer: ModelAnswer = new ModelAnswer({
        model: asked,
        createCall: (abortSignal) =>
          createCallOptions(request, {
            version: versionOf(asked),
            provider: asked.provider,
            headers: { 'x-client-request-id': request.turn, ...headers },
            providerOptions:
              typeof options.providerOptions === 'function'
                ? options.providerOptions(request)
                : options.providerOptions,
            abortSignal,
          }),
        sink,
        signal,
        timeouts: { ...defaultTimeouts, ...defined(options.timeouts), ...defined(request.timeouts) },
        maxOutputBytes,
        clock,
        secrets,
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

/** A bound that is given as undefined is none that is given. */
function defined(timeouts: Partial<UpstreamTimeouts> | undefined): Partial<UpstreamTimeouts> {
  return Object.fromEntries(Object.entries(timeouts ?? {}).filter(([, bound]) => bound !== undefined));
}
