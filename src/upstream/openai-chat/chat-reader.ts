import type { AnswerOutput } from '../answer-output.ts';
import { BodyReader } from '../body-reader.ts';
import type { FinishReason, UpstreamError } from '../contract.ts';
import type { WireReader } from '../http-answer.ts';
import type { WireReaderOptions } from '../http-upstream.ts';
import { classifyProviderFailure } from '../provider-failure.ts';
import { notAnAnswer, parseDocument, parseEvent, truncated } from '../wire-events.ts';
import type { ChatChoice, ChatChunk, ChatDelta, ContentPart } from './chunk.ts';
import { annotatedSources, listedSources } from './sources.ts';
import { UsualChunk } from './usual-chunk.ts';
import { ToolCallAssembler } from './tool-call-assembler.ts';
import { readChatUsage } from './usage.ts';

export interface ChatReaderOptions extends WireReaderOptions {
  createCallId: () => string;
}

const openBrace = 123;

/**
 * Reads the body of a chat-completions answer, streamed or not, into an output. Complete is what ended in `[DONE]`, or
 * what named a finish reason before the body ended.
 */
export class ChatReader implements WireReader {
  readonly #output: AnswerOutput;
  readonly #options: ChatReaderOptions;
  readonly #body: BodyReader;
  readonly #toolCalls: ToolCallAssembler;
  readonly #usual = new UsualChunk();
  #rawFinish: string | undefined;
  #listedSources = 0;

  constructor(output: AnswerOutput, options: ChatReaderOptions) {
    this.#output = output;
    this.#options = options;
    this.#toolCalls = new ToolCallAssembler(options.createCallId);
    const give = (text: string): void => output.text(text);
    this.#body = new BodyReader({
      maxLineBytes: options.maxLineBytes,
      maxDocumentBytes: options.maxDocumentBytes,
      onEvent: (data, _event, atEnd) => this.#readEvent(data, atEnd),
      readEvents: (text) => this.#usual.readEvents(text, give),
      onDocument: (text) => this.#readDocument(text),
    });
  }

  get finished(): boolean {
    return this.#rawFinish !== undefined;
  }

  feed(bytes: Buffer): void {
    this.#body.feed(bytes);
  }

  finish(): void {
    this.#body.finish();
    if (!this.#output.open) return;
    if (this.#rawFinish === undefined) throw truncated();
    this.#complete();
  }

  #readEvent(data: string, atEnd: boolean): void {
    if (!this.#output.open) return;
    if (data.charCodeAt(0) === openBrace) {
      const said = this.#usual.read(data);
      if (said !== undefined) return this.#output.text(said);
      const chunk = parseEvent(data, atEnd);
      this.#usual.learn(data, chunk);
      this.#readChunk(chunk);
      return;
    }
    const text = data.trim();
    if (text === '[DONE]') this.#complete();
    else if (text !== '') this.#readChunk(parseEvent(text, atEnd));
  }

  #readChunk(chunk: ChatChunk): void {
    if (chunk.error || chunk.object === 'error') throw this.#failure(chunk);
    const choice = chunk.choices?.[0];
    if (choice !== undefined && choice !== null && !isOtherChoice(choice)) {
      if (choice.delta) this.#readDelta(choice.delta);
      this.#readFinish(choice);
    }
    if (chunk.citations || chunk.search_results) this.#readSources(chunk);
    if (chunk.usage || chunk.x_groq?.usage || choice?.usage) this.#readUsage(chunk, choice);
  }

  #readDelta(delta: ChatDelta): void {
    const content = delta.content;
    const thought = delta.reasoning_content || delta.reasoning;
    // vLLM sends the same thought under both names.
    if (typeof thought === 'string') this.#output.reasoning(thought);
    if (typeof content === 'string') this.#output.text(content);
    else if (Array.isArray(content)) this.#readParts(content);
    if (typeof delta.refusal === 'string') this.#output.text(delta.refusal);
    if (delta.annotations) for (const source of annotatedSources(delta)) this.#output.source(source);
    if (Array.isArray(delta.tool_calls)) {
      for (const piece of delta.tool_calls) if (piece) this.#output.toolCallDelta(this.#toolCalls.add(piece));
    }
    if (delta.function_call) {
      this.#output.toolCallDelta(this.#toolCalls.add({ index: 0, function: delta.function_call }));
    }
  }

  #readParts(parts: readonly (ContentPart | null)[]): void {
    for (const part of parts) {
      if (part === null || typeof part !== 'object') continue;
      if (part.type === 'thinking') {
        const thoughts: readonly unknown[] = Array.isArray(part.thinking) ? part.thinking : [part.thinking];
        for (const thought of thoughts) {
          const text = typeof thought === 'string' ? thought : (thought as ContentPart | null | undefined)?.text;
          if (typeof text === 'string') this.#output.reasoning(text);
        }
      } else if (typeof part.text === 'string') this.#output.text(part.text);
    }
  }

  /** The list is the same in every chunk, so that it is gone through only when it grows. */
  #readSources(chunk: ChatChunk): void {
    const listed = listedSources(chunk);
    if (listed.length === this.#listedSources) return;
    this.#listedSources = listed.length;
    for (const source of listed) this.#output.source(source);
  }

  #readFinish(choice: ChatChoice): void {
    const reason = choice.finish_reason;
    if (typeof reason === 'string' && reason !== '') this.#rawFinish = reason;
  }

  #readUsage(chunk: ChatChunk, choice: ChatChoice | undefined): void {
    const usage = readChatUsage(chunk.usage) ?? readChatUsage(chunk.x_groq?.usage) ?? readChatUsage(choice?.usage);
    if (usage !== undefined) this.#output.usage(usage);
  }

  /** A provider that ignores `stream: true` answers with the whole completion. */
  #readDocument(text: string): void {
    const document = parseDocument(text);
    const candidate = (Array.isArray(document) ? document[0] : document) as ChatChunk | null | undefined;
    if (candidate?.error || candidate?.object === 'error') throw this.#failure(candidate);
    const choice = candidate?.choices?.[0];
    if (!candidate || !choice?.message) throw notAnAnswer();
    this.#readDelta(choice.message);
    this.#readFinish(choice);
    this.#readSources(candidate);
    this.#readUsage(candidate, choice);
    this.#complete();
  }

  #complete(): void {
    const finish = mapFinish(this.#rawFinish);
    const calls = this.#toolCalls.take(finish === 'length' || finish === 'content_filter');
    for (const call of calls) this.#output.toolCall(call);
    // Gemini and Ollama say "stop" after a tool call; whoever reads the answer has to run the tool all the same.
    const isForTools = calls.length > 0 && (finish === 'stop' || this.#rawFinish === undefined);
    this.#output.end(isForTools ? 'tool_calls' : finish, this.#rawFinish);
  }

  #failure(chunk: ChatChunk): UpstreamError {
    return classifyProviderFailure({
      status: undefined,
      body: JSON.stringify(chunk),
      secrets: this.#options.secrets,
    });
  }
}

function isOtherChoice(choice: ChatChoice): boolean {
  return typeof choice.index === 'number' && choice.index > 0;
}

function mapFinish(reason: string | undefined): FinishReason {
  switch (reason) {
    case 'stop':
    case 'length':
    case 'tool_calls':
    case 'content_filter':
      return reason;
    case 'function_call':
      return 'tool_calls';
    default:
      return 'other';
  }
}
