import type { AnswerOutput } from '../answer-output.ts';
import { type FinishReason, UpstreamError, type UpstreamToolCall } from '../contract.ts';
import type { ProviderOptions, StreamPart } from './language-model.ts';
import { asProviderOptions, type NativeParts } from './native-parts.ts';
import { readUsage } from './usage.ts';

/** Puts the parts of one stream into an output. What it throws ends the answer; the `error` of an error part as it is. */
export class PartReader {
  readonly #output: AnswerOutput;
  readonly #provider: string;
  /** By the id of its part: a model may think several times. */
  readonly #reasoning = new Map<unknown, { text: string; providerOptions: ProviderOptions | undefined }>();
  readonly #callOptions: Record<string, ProviderOptions> = {};
  #textOptions: ProviderOptions | undefined;
  /** Shown with the finish, which says whether they are whole. */
  readonly #calls: UpstreamToolCall[] = [];
  /** Inputs that were written piece by piece, and so are counted; of tools that the provider runs itself, nothing is. */
  readonly #written = new Map<unknown, 'counted' | 'ignored'>();

  constructor(output: AnswerOutput, provider: string) {
    this.#output = output;
    this.#provider = provider;
  }

  read(part: StreamPart): void {
    switch (part.type) {
      case 'text-delta':
        if (typeof part.delta === 'string') this.#output.text(part.delta);
        this.#textOptions = asProviderOptions(part.providerMetadata) ?? this.#textOptions;
        return;
      case 'text-start':
      case 'text-end':
        this.#textOptions = asProviderOptions(part.providerMetadata) ?? this.#textOptions;
        return;
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        return this.#readReasoning(part);
      case 'tool-input-start':
        this.#written.set(part.id, part.providerExecuted === true ? 'ignored' : 'counted');
        if (part.providerExecuted !== true) this.#count(part.toolName);
        return;
      case 'tool-input-delta':
        if (this.#written.get(part.id) !== 'ignored') this.#count(part.delta);
        return;
      case 'tool-call':
        return this.#readCall(part);
      case 'source':
        if (part.sourceType === 'url' && typeof part.url === 'string')
          this.#output.source({ url: part.url, ...(typeof part.title === 'string' ? { title: part.title } : {}) });
        return;
      case 'finish':
        return this.#finish(part);
      case 'error':
        throw part.error;
      default:
      // warnings, files, results of tools that the provider ran, raw chunks, and what later versions add
    }
  }

  #readReasoning({ id, delta, providerMetadata }: StreamPart): void {
    const known = this.#reasoning.get(id) ?? { text: '', providerOptions: undefined };
    this.#reasoning.set(id, known);
    // the last one is whole: a signature comes at the end
    known.providerOptions = asProviderOptions(providerMetadata) ?? known.providerOptions;
    if (typeof delta !== 'string') return;
    known.text += delta;
    this.#output.reasoning(delta);
  }

  #readCall({ toolCallId, toolName, input, providerExecuted, providerMetadata }: StreamPart): void {
    if (providerExecuted === true) return;
    if (typeof toolCallId !== 'string' || typeof toolName !== 'string')
      throw new UpstreamError('upstream_malformed', 'The model called a tool without a name or an id.');
    const text = typeof input === 'string' ? input : JSON.stringify(input ?? {});
    if (!this.#written.has(toolCallId)) this.#count(toolName + text);
    const options = asProviderOptions(providerMetadata);
    if (options !== undefined) this.#callOptions[toolCallId] = options;
    this.#calls.push({ id: toolCallId, name: toolName, arguments: text.trim() === '' ? '{}' : text });
  }

  #count(text: unknown): void {
    if (typeof text === 'string') this.#output.toolCallDelta(text);
  }

  #finish({ usage, finishReason }: StreamPart): void {
    const counts = readUsage(usage);
    if (counts !== undefined) this.#output.usage(counts);
    const { unified, raw } = readFinish(finishReason);
    if (unified === 'error') throw new UpstreamError('upstream_error', 'The provider failed.');
    if (unified === 'interrupted')
      throw new UpstreamError('upstream_truncated', 'The provider stopped in the middle of the answer.');
    const finish = finishes[unified] ?? 'other';
    const calls = this.#wholeCalls(finish === 'length' || finish === 'content_filter');
    for (const call of calls) this.#output.toolCall(call);
    const native = this.#native();
    if (native !== undefined) this.#output.native(native);
    this.#output.end(calls.length > 0 && finish !== 'length' ? 'tool_calls' : finish, raw);
  }

  /** A call whose arguments do not parse was cut off with the answer; otherwise the model wrote none. */
  #wholeCalls(isCut: boolean): UpstreamToolCall[] {
    return this.#calls.filter(({ arguments: json }) => {
      try {
        JSON.parse(json);
        return true;
      } catch {
        if (isCut) return false;
        throw new UpstreamError('upstream_malformed', 'The model wrote tool arguments that are not valid JSON.');
      }
    });
  }

  #native(): NativeParts | undefined {
    const reasoning = [...this.#reasoning.values()].flatMap(({ text, providerOptions }) =>
      providerOptions === undefined ? [] : [{ text, providerOptions }],
    );
    const hasCalls = Object.keys(this.#callOptions).length > 0;
    if (reasoning.length === 0 && !hasCalls && this.#textOptions === undefined) return undefined;
    const text = this.#textOptions === undefined ? {} : { text: this.#textOptions };
    return { provider: this.#provider, reasoning, ...text, calls: this.#callOptions };
  }
}

const finishes: Record<string, FinishReason> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
};

/** Version 2 says it in one word, later ones beside the provider's own. */
function readFinish(reason: unknown): { unified: string; raw: string | undefined } {
  if (typeof reason === 'string') return { unified: reason, raw: reason };
  const { unified, raw } = (reason ?? {}) as { unified?: unknown; raw?: unknown };
  const word = typeof unified === 'string' ? unified : 'other';
  return { unified: word, raw: typeof raw === 'string' ? raw : word };
}
