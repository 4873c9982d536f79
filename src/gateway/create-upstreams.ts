import type { UpstreamConfig } from '../config/schema.ts';
import { createAnthropicUpstream } from '../upstream/anthropic/anthropic-upstream.ts';
import type { Upstream } from '../upstream/contract.ts';
import { createGeminiUpstream } from '../upstream/gemini/gemini-upstream.ts';
import { createOpenaiChatUpstream } from '../upstream/openai-chat/openai-chat-upstream.ts';
import { createOpenaiResponsesUpstream } from '../upstream/openai-responses/openai-responses-upstream.ts';
import type { ReadPace } from '../upstream/read-pace.ts';
import { createPracticeUpstream } from '../upstream/practice/practice-upstream.ts';
import { tokensForModel } from './model-tokens.ts';

type Practice = Pick<Extract<UpstreamConfig, { wire: 'practice' }>, 'name' | 'tokensPerSecond' | 'firstTokenMs'>;

/** The configured upstreams; without any, the practice one. */
export function createUpstreams(configured: readonly UpstreamConfig[], pace?: ReadPace): Upstream[] {
  if (configured.length === 0) return [createPractice({ name: 'practice', tokensPerSecond: 40, firstTokenMs: 300 })];
  return configured.map((config) => createUpstream(config, pace));
}

/** Throws `TypeError` for an address, header or key that cannot be used. */
export function createUpstream(config: UpstreamConfig, pace?: ReadPace): Upstream {
  // bounds of an upstream are the dispatcher's
  const { limits: _limits, region: _region, onCrash: _onCrash, ...given } = config;
  const options = { ...given, pace };
  switch (options.wire) {
    case 'openai-chat':
      return createOpenaiChatUpstream(options);
    case 'openai-responses':
      return createOpenaiResponsesUpstream(options);
    case 'anthropic':
      return createAnthropicUpstream(options);
    case 'gemini':
      return createGeminiUpstream(options);
    case 'practice':
      return createPractice(options);
  }
}

function createPractice({ name, tokensPerSecond, firstTokenMs }: Practice): Upstream {
  return createPracticeUpstream({
    name,
    tokensPerSecond,
    firstTokenMs,
    countTokens: (text) => tokensForModel('practice').count(text),
  });
}
