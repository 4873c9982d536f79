import type { AnswerOutput } from '../answer-output.ts';
import { BodyReader } from '../body-reader.ts';
import type { FinishReason, UpstreamError } from '../contract.ts';
import type { WireReader } from '../http-answer.ts';
import type { WireReaderOptions } from '../http-upstream.ts';
import { isObject, listOf } from '../json-fields.ts';
import { classifyProviderFailure } from '../provider-failure.ts';
import { notAnAnswer, parseDocument, parseEvent, truncated } from '../wire-events.ts';
import { ContentBlocks } from './content-blocks.ts';
import type { ContentBlock, MessageEvent, WholeMessage } from './events.ts';
import { MessageUsage } from './usage.ts';

export interface MessageReaderOptions extends WireReaderOptions {
  createCallId: () => string;
}

/** Reads the body of a Messages answer, streamed or not, into an output. Complete is what ended in `message_stop`. */
export class MessageReader implements WireReader {
  readonly finished = false;
  readonly #output: AnswerOutput;
  readonly #secrets: readonly string[];
  readonly #body: BodyReader;
  readonly #blocks: ContentBlocks;
  readonly #usage = new MessageUsage();
  #rawFinish: string | undefined;

  constructor(output: AnswerOutput, options: MessageReaderOptions) {
    this.#output = output;
    this.#secrets = options.secrets;
    this.#blocks = new ContentBlocks(output, options.createCallId);
    this.#body = new BodyReader({
      maxLineBytes: options.maxLineBytes,
      maxDocumentBytes: options.maxDocumentBytes,
      onEvent: (data, event, atEnd) => this.#readEvent(data, event, atEnd),
      onDocument: (text) => this.#readDocument(text),
    });
  }

  feed(bytes: Buffer): void {
    this.#body.feed(bytes);
  }

  finish(): void {
    this.#body.finish();
    if (this.#output.open) throw truncated();
  }

  #readEvent(data: string, name: string | undefined, atEnd: boolean): void {
    if (!this.#output.open) return;
    const text = data.trim();
    if (text === '') return;
    if (text === '[DONE]') {
      // Not of Anthropic, but of proxies that speak several wires.
      if (this.#rawFinish !== undefined) this.#complete();
      return;
    }
    const event: MessageEvent = parseEvent(text, atEnd);
    switch (event.type ?? name) {
      case 'content_block_delta':
        if (isObject(event.delta)) this.#blocks.delta(event.index, event.delta);
        break;
      case 'content_block_start':
        if (isObject(event.content_block)) this.#blocks.start(event.index, event.content_block);
        break;
      case 'content_block_stop':
        this.#blocks.stop(event.index);
        break;
      case 'message_start':
        this.#readUsage(event.message?.usage);
        break;
      case 'message_delta':
        this.#readFinish(event.delta?.stop_reason);
        this.#readUsage(event.usage);
        break;
      case 'message_stop':
        this.#complete();
        break;
      default:
        if (event.type === 'error' || name === 'error' || event.error) throw this.#failure(event);
    }
  }

  /** A provider that ignores `stream: true` answers with the whole message. */
  #readDocument(text: string): void {
    const document = parseDocument(text);
    if (!isObject(document)) throw notAnAnswer();
    if (document['type'] === 'error' || document['error']) throw this.#failure(document);
    const message: WholeMessage = document;
    if (!Array.isArray(message.content)) throw notAnAnswer();
    for (const [index, block] of listOf(message.content).entries()) {
      if (isObject(block)) this.#blocks.start(index, block as ContentBlock);
    }
    this.#readFinish(message.stop_reason);
    this.#readUsage(message.usage);
    this.#complete();
  }

  #readFinish(reason: unknown): void {
    if (typeof reason === 'string' && reason !== '') this.#rawFinish = reason;
  }

  #readUsage(value: unknown): void {
    const usage = this.#usage.add(value);
    if (usage !== undefined) this.#output.usage(usage);
  }

  #complete(): void {
    const finish = mapFinish(this.#rawFinish);
    const calls = this.#blocks.takeCalls(finish === 'length' || finish === 'content_filter');
    for (const call of calls) this.#output.toolCall(call);
    const native = this.#blocks.native();
    // After a refusal the provider wants the conversation to go on without it.
    if (native !== undefined && finish !== 'content_filter') this.#output.native(native);
    const isForTools = calls.length > 0 && (finish === 'stop' || this.#rawFinish === undefined);
    this.#output.end(isForTools ? 'tool_calls' : finish, this.#rawFinish);
  }

  #failure(event: object): UpstreamError {
    return classifyProviderFailure({ status: undefined, body: JSON.stringify(event), secrets: this.#secrets });
  }
}

function mapFinish(reason: string | undefined): FinishReason {
  switch (reason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'stop';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'tool_calls';
    case 'refusal':
      return 'content_filter';
    default:
      return 'other';
  }
}
