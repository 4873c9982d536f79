import type { ResponseFormat, ToolChoice, ToolDefinition, UpstreamRequest } from '../contract.ts';
import type { BodyMessage, BodyTool, BodyToolChoice, MessagesBody, OutputConfig, TextBlock } from './body.ts';
import { mapMessages } from './messages.ts';
import { traitsOf } from './model-traits.ts';
import { planThinking } from './thinking.ts';

export interface RequestBodyOptions {
  /** The bound of an answer where the request names none; the provider demands one. */
  defaultMaxTokens: number;
  /** Whether to mark what the next request of the conversation repeats. */
  promptCache: boolean;
}

const onlyJson = 'Answer with one JSON value and nothing else: no other words, and no code fence around it.';
const cached = { cache_control: { type: 'ephemeral' } } as const;

/** @throws UpstreamError input_unsupported for a part that Anthropic has no place for */
export function createRequestBody(request: UpstreamRequest, options: RequestBodyOptions): MessagesBody {
  const { params } = request;
  const traits = traitsOf(request.model);
  const messages = mapMessages(request.messages);
  const plan = planThinking(request, messages, traits.thinking, options.defaultMaxTokens);
  const system = systemBlocks(request);
  const tools = (request.tools ?? []).map(mapTool);
  if (request.continuesAnswer) trimPrefill(messages);
  if (options.promptCache) markForCache(system, tools, messages);
  const outputConfig: OutputConfig = {
    ...(plan.effort === undefined ? {} : { effort: plan.effort }),
    ...formatOf(params.responseFormat),
  };
  return {
    model: request.model,
    max_tokens: plan.maxTokens,
    stream: true,
    ...(system.length > 0 ? { system } : {}),
    messages,
    ...samplingOf(request, traits.takesSampling && (plan.thinking === undefined || plan.thinking.type === 'disabled')),
    ...stopOf(params.stop),
    ...(plan.thinking === undefined ? {} : { thinking: plan.thinking }),
    ...(Object.keys(outputConfig).length > 0 ? { output_config: outputConfig } : {}),
    ...(tools.length > 0 ? { tools } : {}),
    ...(tools.length > 0 && params.toolChoice !== undefined ? { tool_choice: mapToolChoice(params.toolChoice) } : {}),
  };
}

function systemBlocks(request: UpstreamRequest): TextBlock[] {
  const texts = request.messages.flatMap((message) => (message.role === 'system' ? [message.text] : []));
  if (request.params.responseFormat?.type === 'json') texts.push(onlyJson);
  return texts.filter((text) => text.trim() !== '').map((text) => ({ type: 'text', text }));
}

/** The newer of the models that take both refuse them together; the range ends at 1. */
function samplingOf(request: UpstreamRequest, isTaken: boolean): Pick<MessagesBody, 'temperature' | 'top_p'> {
  const { temperature, topP } = request.params;
  if (!isTaken) return {};
  if (temperature !== undefined) return { temperature: Math.min(Math.max(temperature, 0), 1) };
  return topP === undefined ? {} : { top_p: topP };
}

/** A sequence of white space alone is refused. */
function stopOf(stop: readonly string[] | undefined): Pick<MessagesBody, 'stop_sequences'> {
  const sequences = (stop ?? []).filter((sequence) => sequence.trim() !== '');
  return sequences.length > 0 ? { stop_sequences: sequences } : {};
}

function formatOf(format: ResponseFormat | undefined): OutputConfig {
  return format?.type === 'json_schema' ? { format: { type: 'json_schema', schema: format.schema } } : {};
}

function mapTool(tool: ToolDefinition): BodyTool {
  return {
    name: tool.name,
    ...(tool.description ? { description: tool.description } : {}),
    input_schema: { ...tool.parameters, type: 'object' },
  };
}

function mapToolChoice(choice: ToolChoice): BodyToolChoice {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}

/**
 * White space at the end of a prefill is refused. What the model goes on with may then begin with that white space
 * once more, which is for the one who joins the two to compare.
 */
function trimPrefill(messages: BodyMessage[]): void {
  const last = messages.at(-1);
  const block = last?.role === 'assistant' ? last.content.at(-1) : undefined;
  if (block?.type === 'text') block.text = block.text.trimEnd();
}

/** Three of the four marks a request may have: each says that all before it will come again. */
function markForCache(system: TextBlock[], tools: BodyTool[], messages: BodyMessage[]): void {
  const lastSystem = system.at(-1);
  if (lastSystem !== undefined) Object.assign(lastSystem, cached);
  const lastTool = tools.at(-1);
  if (lastTool !== undefined) Object.assign(lastTool, cached);
  const lastInput = messages.findLast((message) => message.role === 'user')?.content.at(-1);
  if (lastInput !== undefined) Object.assign(lastInput, cached);
}
