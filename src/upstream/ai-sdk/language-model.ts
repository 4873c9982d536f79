/*
 * What is used of a language model of the AI SDK, versions 2 to 4 of its contract (https://ai-sdk.dev, @ai-sdk/provider),
 * by shape: the SDK is no dependency, the program brings the models. What comes out of one is other people's data.
 */

export type SpecificationVersion = 'v2' | 'v3' | 'v4';

/** Per provider, by its name; what it gave with an answer (`providerMetadata`) and gets back with the next request. */
export type ProviderOptions = Record<string, Record<string, unknown>>;

/** A part of the stream; which fields it has depends on `type`. */
export interface StreamPart {
  type: string;
  id?: unknown;
  delta?: unknown;
  providerMetadata?: unknown;
  providerExecuted?: unknown;
  toolName?: unknown;
  toolCallId?: unknown;
  input?: unknown;
  sourceType?: unknown;
  url?: unknown;
  title?: unknown;
  usage?: unknown;
  finishReason?: unknown;
  error?: unknown;
}

export interface CallOptions {
  prompt: readonly PromptMessage[];
  abortSignal: AbortSignal;
  [setting: string]: unknown;
}

export interface PromptMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string | Record<string, unknown>[];
}

export interface LanguageModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  // a method, so that models with narrower options fit
  doStream(options: never): PromiseLike<{
    stream: ReadableStream<unknown>;
    response?: { headers?: Record<string, string> | undefined } | undefined;
  }>;
}

/** @throws TypeError for what is no model of a version that is known */
export function versionOf(model: LanguageModel): SpecificationVersion {
  const version = model?.specificationVersion;
  if (typeof model?.doStream === 'function' && (version === 'v2' || version === 'v3' || version === 'v4'))
    return version;
  throw new TypeError('A model of an AI SDK upstream must be a LanguageModelV2, LanguageModelV3 or LanguageModelV4.');
}
