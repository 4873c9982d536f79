import type { UpstreamConfig } from '../config/schema.ts';
import { createOpenaiChatUpstream } from '../upstream/openai-chat/openai-chat-upstream.ts';
import type { Upstream } from '../upstream/contract.ts';
import { createPracticeUpstream } from '../upstream/practice/practice-upstream.ts';
import { tokensForModel } from './model-tokens.ts';

/** The configured upstreams; without any, the practice one. */
export function createUpstreams(configured: readonly UpstreamConfig[]): Upstream[] {
  if (configured.length === 0) return [createPractice({ name: 'practice', tokensPerSecond: 40, firstTokenMs: 300 })];
  return configured.map((upstream) =>
    upstream.wire === 'practice' ? createPractice(upstream) : createOpenaiChatUpstream(upstream),
  );
}

type PracticeConfig = Pick<Extract<UpstreamConfig, { wire: 'practice' }>, 'name' | 'tokensPerSecond' | 'firstTokenMs'>;

function createPractice(config: PracticeConfig): Upstream {
  const { name, tokensPerSecond, firstTokenMs } = config;
  return createPracticeUpstream({
    name,
    tokensPerSecond,
    firstTokenMs,
    countTokens: (text) => tokensForModel('practice').count(text),
  });
}
