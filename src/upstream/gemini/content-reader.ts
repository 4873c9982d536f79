import type { AnswerOutput } from '../answer-output.ts';
import { BodyReader } from '../body-reader.ts';
import { type FinishReason, UpstreamError } from '../contract.ts';
import type { WireReader } from '../http-answer.ts';
import type { WireReaderOptions } from '../http-upstream.ts';
import { fieldsOf, isObject, listOf, textOf } from '../json-fields.ts';
import { classifyProviderFailure } from '../provider-failure.ts';
import { notAnAnswer, parseDocument, parseEvent, truncated } from '../wire-events.ts';
import type { Candidate, ContentPart, GenerateContentChunk } from './events.ts';
import { FunctionCalls } from './function-calls.ts';
import type { GeminiNative } from './native.ts';
import { readGeminiUsage } from './usage.ts';

export interface ContentReaderOptions extends WireReaderOptions {
  createCallId: () => string;
}

/** Longest signature of a text that is kept, in UTF-16 units. */
const longestSignature = 1024 * 1024;

/** Reads a streamed GenerateContent answer, or one in a document. Complete is what named a finish reason. */
export class ContentReader implements WireReader {
  readonly #output: AnswerOutput;
  readonly #secrets: readonly string[];
  readonly #body: BodyReader;
  readonly #calls: FunctionCalls;
  #signature = '';
  #rawFinish: string | undefined;
  #hasUsage = false;

  constructor(output: AnswerOutput, options: ContentReaderOptions) {
    this.#output = output;
    this.#secrets = options.secrets;
    this.#calls = new FunctionCalls(output, options.createCallId);
    this.#body = new BodyReader({
      maxLineBytes: options.maxLineBytes,
      maxDocumentBytes: options.maxDocumentBytes,
      onEvent: (data, _event, atEnd) => this.#readEvent(data, atEnd),
      onDocument: (text) => this.#readDocument(text),
    });
  }

  get finished(): boolean {
    return this.#rawFinish !== undefined;
  }

  /** There is no end marker: usage may come with the finish reason or behind it. */
  get settled(): boolean {
    return this.#rawFinish !== undefined && this.#hasUsage;
  }

  feed(bytes: Buffer): void {
    this.#body.feed(bytes);
  }

  finish(): void {
    this.#body.finish();
    if (!this.#output.open) return;
    if (this.#rawFinish === undefined) throw truncated();
    this.#complete(this.#rawFinish);
  }

  #readEvent(data: string, atEnd: boolean): void {
    if (!this.#output.open) return;
    const text = data.trim();
    if (text !== '' && text !== '[DONE]') this.#readChunk(parseEvent(text, atEnd));
  }

  /** Without `alt=sse` the answer is an array of what would be the events; one alone is an answer, too. */
  #readDocument(text: string): void {
    const document = parseDocument(text);
    const chunks = Array.isArray(document) ? (document as unknown[]) : [document];
    for (const chunk of chunks) {
      if (!isObject(chunk)) throw notAnAnswer();
      const { candidates, usageMetadata, promptFeedback, error }: GenerateContentChunk = chunk;
      if (!candidates && !usageMetadata && !promptFeedback && !error) throw notAnAnswer();
      this.#readChunk(chunk);
    }
    if (this.#rawFinish === undefined) throw truncated();
    this.#complete(this.#rawFinish);
  }

  #readChunk(chunk: GenerateContentChunk): void {
    if (chunk.error) {
      throw classifyProviderFailure({ status: undefined, body: JSON.stringify(chunk), secrets: this.#secrets });
    }
    const usage = readGeminiUsage(chunk.usageMetadata);
    if (usage !== undefined) {
      this.#hasUsage = true;
      this.#output.usage(usage);
    }
    if (typeof fieldsOf(chunk.promptFeedback)['blockReason'] === 'string') {
      throw new UpstreamError('content_refused', 'The provider refused the input for reasons of content policy.');
    }
    for (const candidate of listOf(chunk.candidates)) {
      if (isObject(candidate) && !isOther(candidate)) this.#readCandidate(candidate);
    }
  }

  #readCandidate(candidate: Candidate): void {
    for (const part of listOf(fieldsOf(candidate.content)['parts'])) if (isObject(part)) this.#readPart(part);
    for (const found of listOf(fieldsOf(candidate.groundingMetadata)['groundingChunks'])) {
      const { uri, title } = fieldsOf(fieldsOf(found)['web']);
      if (typeof uri !== 'string') continue;
      this.#output.source({ url: uri, ...(typeof title === 'string' && title !== '' ? { title } : {}) });
    }
    const reason = candidate.finishReason;
    if (typeof reason === 'string' && reason !== '' && reason !== 'FINISH_REASON_UNSPECIFIED') this.#rawFinish = reason;
  }

  #readPart(part: ContentPart): void {
    const signature = textOf(part.thoughtSignature);
    if (isObject(part.functionCall)) {
      this.#calls.add(part.functionCall, signature);
      return;
    }
    // The last one stands for all that was thought before it.
    if (signature !== '' && signature.length <= longestSignature) this.#signature = signature;
    if (typeof part.text !== 'string') return;
    if (part.thought === true) this.#output.reasoning(part.text);
    else this.#output.text(part.text);
  }

  #complete(rawFinish: string): void {
    const finish = mapFinish(rawFinish);
    if (rawFinish === 'MALFORMED_FUNCTION_CALL') {
      throw new UpstreamError('upstream_malformed', 'The model made a tool call that the provider could not read.');
    }
    const calls = this.#calls.take(finish !== 'stop');
    for (const call of calls) this.#output.toolCall(call);
    const native: GeminiNative = {
      calls: this.#calls.native(),
      ...(this.#signature === '' ? {} : { signature: this.#signature }),
    };
    if (native.calls.length > 0 || native.signature !== undefined) this.#output.native(native);
    this.#output.end(calls.length > 0 && finish === 'stop' ? 'tool_calls' : finish, rawFinish);
  }
}

function isOther(candidate: Candidate): boolean {
  return typeof candidate.index === 'number' && candidate.index > 0;
}

function mapFinish(reason: string): FinishReason {
  switch (reason) {
    case 'STOP':
      return 'stop';
    case 'MAX_TOKENS':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'MODEL_ARMOR':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
      return 'content_filter';
    default:
      return 'other';
  }
}
