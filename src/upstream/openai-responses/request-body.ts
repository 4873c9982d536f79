import type { ResponseFormat, ToolChoice, ToolDefinition, UpstreamRequest } from '../contract.ts';
import { jsonSchemaFormat } from '../json-schema-format.ts';
import { isReasoningModel } from '../openai-models.ts';
import type { BodyTool, ReasoningEffort, ReasoningSummary, ResponsesBody } from './body.ts';
import { mapInput } from './input-items.ts';

export interface RequestBodyOptions {
  store: boolean;
  reasoningSummary: ReasoningSummary | undefined;
  /** Whether a model thinks; default: by the names that OpenAI gives. */
  isReasoning: boolean | undefined;
}

/** Fewer are refused. */
const leastOutputTokens = 16;

/**
 * Stop sequences, a seed and penalties have no place in this API and are left out, as is the temperature of models that
 * think, which refuse it.
 *
 * @throws UpstreamError input_unsupported for a part that the API has no place for
 */
export function createRequestBody(request: UpstreamRequest, options: RequestBodyOptions): ResponsesBody {
  const { params } = request;
  const instructions = request.messages.flatMap((message) => (message.role === 'system' ? [message.text] : []));
  const isReasoning = options.isReasoning ?? isReasoningModel(request.model);
  const takesSampling = !isReasoning || params.reasoningEffort === 'none';
  const tools = request.tools ?? [];
  return {
    model: request.model,
    ...(instructions.length > 0 ? { instructions: instructions.join('\n\n') } : {}),
    input: mapInput(request.messages, request.model),
    stream: true,
    store: options.store,
    ...(isReasoning ? { include: ['reasoning.encrypted_content'] } : {}),
    ...(takesSampling && params.temperature !== undefined ? { temperature: params.temperature } : {}),
    ...(takesSampling && params.topP !== undefined ? { top_p: params.topP } : {}),
    ...(params.maxOutputTokens === undefined
      ? {}
      : { max_output_tokens: Math.max(params.maxOutputTokens, leastOutputTokens) }),
    ...reasoningOf(params.reasoningEffort, isReasoning ? options.reasoningSummary : undefined),
    ...formatOf(params.responseFormat),
    ...(tools.length > 0 ? { tools: tools.map(mapTool) } : {}),
    ...(tools.length > 0 && params.toolChoice !== undefined ? { tool_choice: mapToolChoice(params.toolChoice) } : {}),
    ...(request.cacheKey === undefined ? {} : { prompt_cache_key: request.cacheKey }),
  };
}

function reasoningOf(
  effort: string | undefined,
  summary: ReasoningSummary | undefined,
): Pick<ResponsesBody, 'reasoning'> {
  if (effort === undefined && summary === undefined) return {};
  return {
    reasoning: {
      // Whatever the provider calls it: new levels come with new models.
      ...(effort === undefined ? {} : { effort: effort as ReasoningEffort }),
      ...(summary === undefined || effort === 'none' ? {} : { summary }),
    },
  };
}

function formatOf(format: ResponseFormat | undefined): Pick<ResponsesBody, 'text'> {
  if (format === undefined || format.type === 'text') return {};
  if (format.type === 'json') return { text: { format: { type: 'json_object' } } };
  return { text: { format: { type: 'json_schema', ...jsonSchemaFormat(format) } } };
}

function mapTool(tool: ToolDefinition): BodyTool {
  return {
    type: 'function',
    name: tool.name,
    ...(tool.description ? { description: tool.description } : {}),
    parameters: tool.parameters ?? { type: 'object', properties: {} },
    strict: false,
  };
}

function mapToolChoice(choice: ToolChoice): ResponsesBody['tool_choice'] {
  return typeof choice === 'object' ? { type: 'function', name: choice.name } : choice;
}
