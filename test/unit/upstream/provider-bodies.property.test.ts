import type Anthropic from '@anthropic-ai/sdk';
import type { Content, FunctionCallingConfig, GenerationConfig, Tool } from '@google/genai';
import fc from 'fast-check';
import type OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { createRequestBody as createAnthropicBody } from '../../../src/upstream/anthropic/request-body.ts';
import type { UpstreamRequest } from '../../../src/upstream/contract.ts';
import { createRequestBody as createGeminiBody } from '../../../src/upstream/gemini/request-body.ts';
import { createRequestBody as createChatBody } from '../../../src/upstream/openai-chat/request-body.ts';
import { createRequestBody as createResponsesBody } from '../../../src/upstream/openai-responses/request-body.ts';
import { conversations } from './support/conversations.ts';
import { anthropicBody, chatBody, geminiBody, responsesBody } from './support/provider-schemas.ts';

/** As it goes over the wire. */
function sent(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body));
}

function roles(list: readonly { role: string }[], first: string): boolean {
  return list[0]?.role === first && list.every((each, at) => each.role !== list[at - 1]?.role);
}

function checkEach(request: fc.Arbitrary<UpstreamRequest>, check: (request: UpstreamRequest) => void): void {
  fc.assert(fc.property(request, check), { numRuns: 400 });
}

describe('a body of any conversation', () => {
  it('is one that Anthropic takes', () => {
    const models = ['claude-sonnet-4-5', 'claude-opus-4-20250514', 'claude-opus-4-8', 'claude-sonnet-4-6', 'other'];
    checkEach(conversations(models, true), (request) => {
      const created = createAnthropicBody(request, { defaultMaxTokens: 8192, promptCache: true });
      // What the compiler accepts here is what the provider's own library would send.
      const typed: Anthropic.MessageCreateParamsStreaming = created;
      const { messages, thinking, ...body } = anthropicBody.parse(sent(typed));
      expect(roles(messages, 'user')).toBe(true);
      for (const [at, message] of messages.entries()) {
        const calls = message.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
        const next = messages[at + 1]?.content.slice(0, calls.length) ?? [];
        const results = next.flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : []));
        expect(results).toEqual(calls);
        const lastThought = message.content.findLastIndex((block) => /thinking/.test(block.type));
        expect(message.content.findIndex((block) => !/thinking/.test(block.type))).toBeGreaterThanOrEqual(0);
        expect(
          message.content.slice(0, lastThought + 1).every((block) => /thinking|text|tool_use/.test(block.type)),
        ).toBe(true);
      }
      const isThinking = thinking !== undefined && thinking.type !== 'disabled';
      if (isThinking) {
        expect([body.temperature, body.top_p]).toEqual([undefined, undefined]);
        expect(['any', 'tool']).not.toContain(body.tool_choice?.type);
        const last = messages.at(-1)?.content[0];
        if (last?.type === 'tool_result') expect(messages.at(-2)?.content[0]?.type).toMatch(/thinking/);
      }
      if (thinking?.type === 'enabled') expect(thinking.budget_tokens).toBeLessThan(body.max_tokens);
      expect(body.temperature === undefined || body.top_p === undefined).toBe(true);
      expect(JSON.stringify(sent(created)).split('"cache_control"').length - 1).toBeLessThanOrEqual(4);
      if (body.tool_choice?.type === 'tool') expect(body.tools).toBeDefined();
    });
  });

  it('is one that the Responses API takes', () => {
    checkEach(conversations(['gpt-5.1', 'gpt-4.1', 'o3', 'gpt-5-chat-latest'], true), (request) => {
      const created = createResponsesBody(request, { store: false, reasoningSummary: 'auto', isReasoning: undefined });
      const typed: OpenAI.Responses.ResponseCreateParamsStreaming = created;
      const body = responsesBody.parse(sent(typed));
      const calls = body.input.flatMap((item) =>
        'type' in item && item.type === 'function_call' ? [item.call_id] : [],
      );
      const outputs = body.input.flatMap((item) =>
        'type' in item && item.type === 'function_call_output' ? [item.call_id] : [],
      );
      expect(outputs.toSorted()).toEqual(calls.toSorted());
      for (const [at, item] of body.input.entries()) {
        if ('type' in item && item.type === 'reasoning') expect(body.input[at + 1]).toBeDefined();
      }
      const texts = request.messages.flatMap((message) => (message.role === 'assistant' ? [message.text] : []));
      const said = body.input.flatMap((item) => ('role' in item && item.role === 'assistant' ? [item.content] : []));
      expect(said.join('')).toBe(texts.join(''));
    });
  });

  it('is one that Gemini takes', () => {
    const models = ['gemini-2.5-flash', 'gemini-3-pro-preview', 'gemma'];
    checkEach(conversations(models, false), (request) => {
      const created = createGeminiBody(request);
      const contents: Content[] = created.contents;
      const tools: Tool[] | undefined = created.tools;
      // The library spells these with enums; their values are the same texts.
      const config: Omit<GenerationConfig, 'thinkingConfig'> | undefined = created.generationConfig;
      const choice: Omit<FunctionCallingConfig, 'mode'> | undefined = created.toolConfig?.functionCallingConfig;
      expect([contents, tools, config, choice]).toHaveLength(4);
      const body = geminiBody.parse(sent(created));
      expect(roles(body.contents, 'user')).toBe(true);
      for (const [at, content] of body.contents.entries()) {
        const calls = content.parts.flatMap((part) => ('functionCall' in part ? [part.functionCall.name] : []));
        const next = body.contents[at + 1]?.parts ?? [];
        const results = next.flatMap((part) => ('functionResponse' in part ? [part.functionResponse.name] : []));
        expect(results).toEqual(calls);
        const first = content.parts.find((part) => 'functionCall' in part);
        if (request.model.includes('gemini-3') && first !== undefined) expect(first).toHaveProperty('thoughtSignature');
      }
    });
  });

  it('is one that chat completions take', () => {
    checkEach(conversations(['gpt-5.1', 'gpt-4.1'], true), (request) => {
      const created = createChatBody(request, {
        maxTokensField: 'max_completion_tokens',
        includeUsage: true,
        assistantPrefix: 'none',
        sendsCacheKey: true,
      });
      const typed: OpenAI.ChatCompletionCreateParamsStreaming = created;
      chatBody.parse(sent(typed));
    });
  });
});
