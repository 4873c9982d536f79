import type { AnswerOutput } from '../answer-output.ts';
import { BodyReader } from '../body-reader.ts';
import type { FinishReason, UpstreamError } from '../contract.ts';
import type { WireReader } from '../http-answer.ts';
import type { WireReaderOptions } from '../http-upstream.ts';
import { fieldsOf, isObject, listOf } from '../json-fields.ts';
import { classifyProviderFailure } from '../provider-failure.ts';
import { notAnAnswer, parseDocument, parseEvent, truncated } from '../wire-events.ts';
import type { ResponseEvent, WholeResponse } from './events.ts';
import { OutputItems } from './output-items.ts';
import { readResponseUsage } from './usage.ts';

export interface ResponseReaderOptions extends WireReaderOptions {
  /** Of the request; goes with what is kept for the next one. */
  model: string;
  createCallId: () => string;
}

/**
 * Reads the body of a Responses answer, streamed or not, into an output. Complete is what ended in
 * `response.completed` or `response.incomplete`; a proxy that runs tools by itself may send several responses in turn.
 */
export class ResponseReader implements WireReader {
  readonly #output: AnswerOutput;
  readonly #options: ResponseReaderOptions;
  readonly #body: BodyReader;
  readonly #items: OutputItems;
  #finish: FinishReason | undefined;
  #rawFinish: string | undefined;

  constructor(output: AnswerOutput, options: ResponseReaderOptions) {
    this.#output = output;
    this.#options = options;
    this.#items = new OutputItems(output, options.createCallId);
    this.#body = new BodyReader({
      maxLineBytes: options.maxLineBytes,
      maxDocumentBytes: options.maxDocumentBytes,
      onEvent: (data, event, atEnd) => this.#readEvent(data, event, atEnd),
      onDocument: (text) => this.#readDocument(text),
    });
  }

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  get settled(): boolean {
    return this.#finish !== undefined;
  }

  feed(bytes: Buffer): void {
    this.#body.feed(bytes);
  }

  finish(): void {
    this.#body.finish();
    if (!this.#output.open) return;
    if (this.#finish === undefined) throw truncated();
    this.#complete(this.#finish);
  }

  #readEvent(data: string, name: string | undefined, atEnd: boolean): void {
    if (!this.#output.open) return;
    const text = data.trim();
    if (text === '') return;
    if (text === '[DONE]') {
      // Not of OpenAI, but of servers that end every stream so.
      if (this.#finish !== undefined) this.#complete(this.#finish);
      return;
    }
    const event: ResponseEvent = parseEvent(text, atEnd);
    const type = event.type ?? name;
    switch (type) {
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        this.#items.text(event);
        break;
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        this.#items.reasoning(event);
        break;
      case 'response.reasoning_summary_part.added':
        this.#items.summaryPart(event);
        break;
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        this.#items.callPiece(event);
        break;
      case 'response.output_text.annotation.added':
        this.#items.source(event.annotation);
        break;
      case 'response.output_item.added':
        this.#items.added(event);
        break;
      case 'response.output_item.done':
        this.#items.done(event);
        break;
      case 'response.created':
        this.#finish = undefined;
        this.#items.reset();
        break;
      case 'response.completed':
      case 'response.incomplete':
        this.#readResponse(fieldsOf(event.response), type === 'response.completed' ? 'completed' : 'incomplete');
        break;
      case 'response.failed':
      case 'response.cancelled':
        throw this.#failure({ error: fieldsOf(event.response)['error'] });
      case 'error':
        throw this.#failure(event);
      default:
        if (event.error) throw this.#failure(event);
    }
  }

  /** A provider that ignores `stream: true` answers with the whole response. */
  #readDocument(text: string): void {
    const document = parseDocument(text);
    if (!isObject(document)) throw notAnAnswer();
    const { status, error, output }: WholeResponse = document;
    if (error || status === 'failed' || document['type'] === 'error') throw this.#failure(document);
    if (!Array.isArray(output) || (status !== 'completed' && status !== 'incomplete')) throw notAnAnswer();
    this.#readResponse(document, status);
    if (this.#finish !== undefined) this.#complete(this.#finish);
  }

  #readResponse(response: WholeResponse, status: 'completed' | 'incomplete'): void {
    if (this.#items.isEmpty) {
      for (const [index, item] of listOf(response.output).entries()) this.#items.done({ output_index: index, item });
    }
    const usage = readResponseUsage(response.usage);
    if (usage !== undefined) this.#output.usage(usage);
    const { reason } = fieldsOf(response.incomplete_details);
    this.#rawFinish = status === 'incomplete' && typeof reason === 'string' ? reason : undefined;
    this.#finish = status === 'completed' ? 'stop' : mapReason(reason);
  }

  #complete(finish: FinishReason): void {
    const calls = this.#items.takeCalls(finish !== 'stop');
    for (const call of calls) this.#output.toolCall(call);
    const native = this.#items.native(this.#options.model);
    if (native !== undefined) this.#output.native(native);
    this.#output.end(calls.length > 0 && finish === 'stop' ? 'tool_calls' : finish, this.#rawFinish);
  }

  #failure(event: object): UpstreamError {
    return classifyProviderFailure({ status: undefined, body: JSON.stringify(event), secrets: this.#options.secrets });
  }
}

function mapReason(reason: unknown): FinishReason {
  if (reason === 'max_output_tokens' || reason === 'max_tokens') return 'length';
  return reason === 'content_filter' ? 'content_filter' : 'other';
}
