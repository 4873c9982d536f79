import type { ToolChoice, ToolDefinition, UpstreamParams, UpstreamRequest } from '../contract.ts';
import type {
  FunctionCallingConfig,
  FunctionDeclaration,
  GenerateContentBody,
  GenerationConfig,
  ThinkingConfig,
} from './body.ts';
import { mapContents } from './contents.ts';

/** Tokens; 0 turns thinking off where the model can do without. */
const budgets: Readonly<Record<string, number>> = { none: 0, minimal: 512, low: 1024, medium: 8192, high: 24_576 };
const levels: Readonly<Record<string, ThinkingConfig['thinkingLevel']>> = {
  none: 'MINIMAL',
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
};
const mostStopSequences = 5;

/** From Gemini 3 on, models are told a level instead of a budget, and demand their signatures back. */
function isThirdGeneration(model: string): boolean {
  const generation = /gemini-(\d+)/.exec(model)?.[1];
  return generation !== undefined && Number(generation) >= 3;
}

/** @throws UpstreamError input_unsupported for a part that Gemini has no place for */
export function createRequestBody(request: UpstreamRequest): GenerateContentBody {
  const { params } = request;
  const isThird = isThirdGeneration(request.model);
  const system = request.messages.flatMap((message) =>
    message.role === 'system' && message.text !== '' ? [{ text: message.text }] : [],
  );
  const generationConfig = configOf(params, isThird);
  const tools = request.tools ?? [];
  return {
    ...(system.length > 0 ? { systemInstruction: { parts: system } } : {}),
    contents: mapContents(request.messages, isThird),
    ...(tools.length > 0 ? { tools: [{ functionDeclarations: tools.map(mapTool) }] } : {}),
    ...(tools.length > 0 && params.toolChoice !== undefined
      ? { toolConfig: { functionCallingConfig: mapToolChoice(params.toolChoice) } }
      : {}),
    ...(Object.keys(generationConfig).length > 0 ? { generationConfig } : {}),
  };
}

function configOf(params: UpstreamParams, isThird: boolean): GenerationConfig {
  const config: GenerationConfig = {};
  if (params.temperature !== undefined) config.temperature = params.temperature;
  if (params.topP !== undefined) config.topP = params.topP;
  if (params.maxOutputTokens !== undefined) config.maxOutputTokens = params.maxOutputTokens;
  // More are refused.
  if (params.stop !== undefined && params.stop.length > 0)
    config.stopSequences = params.stop.slice(0, mostStopSequences);
  if (params.seed !== undefined) config.seed = params.seed;
  if (params.frequencyPenalty !== undefined) config.frequencyPenalty = params.frequencyPenalty;
  if (params.presencePenalty !== undefined) config.presencePenalty = params.presencePenalty;
  const format = params.responseFormat;
  if (format !== undefined && format.type !== 'text') config.responseMimeType = 'application/json';
  if (format?.type === 'json_schema') config.responseJsonSchema = format.schema;
  if (params.reasoningEffort !== undefined) config.thinkingConfig = thinkingOf(params.reasoningEffort, isThird);
  return config;
}

/** An effort that is not known leaves the amount to the model. */
function thinkingOf(effort: string, isThird: boolean): ThinkingConfig {
  const includeThoughts = effort !== 'none';
  if (isThird) {
    const thinkingLevel = levels[effort];
    return { includeThoughts, ...(thinkingLevel === undefined ? {} : { thinkingLevel }) };
  }
  return { includeThoughts, thinkingBudget: budgets[effort] ?? -1 };
}

function mapTool(tool: ToolDefinition): FunctionDeclaration {
  return {
    name: tool.name,
    ...(tool.description ? { description: tool.description } : {}),
    ...(tool.parameters === undefined ? {} : { parametersJsonSchema: tool.parameters }),
  };
}

function mapToolChoice(choice: ToolChoice): FunctionCallingConfig {
  if (typeof choice === 'object') return { mode: 'ANY', allowedFunctionNames: [choice.name] };
  if (choice === 'required') return { mode: 'ANY' };
  return { mode: choice === 'none' ? 'NONE' : 'AUTO' };
}
