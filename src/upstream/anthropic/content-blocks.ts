import type { AnswerOutput } from '../answer-output.ts';
import { CallList, type OpenCall } from '../call-list.ts';
import type { UpstreamToolCall } from '../contract.ts';
import { fieldsOf, isObject, listOf, textOf } from '../json-fields.ts';
import type { BlockDelta, ContentBlock } from './events.ts';
import type { AnthropicNative, ThinkingBlock } from './native.ts';

/** UTF-16 units of signatures and redacted thinking that are kept; more is not sent back. */
const maxOpaqueLength = 2 * 1024 * 1024;

type OpenBlock =
  | { kind: 'call'; call: OpenCall; input: unknown }
  | { kind: 'thinking'; block: { type: 'thinking'; thinking: string; signature: string } };

/** The content blocks of one answer; those of the provider's own tools are looked at for sources only. */
export class ContentBlocks {
  readonly #output: AnswerOutput;
  readonly #calls: CallList;
  readonly #thinking: ThinkingBlock[] = [];
  /** By the index of the stream; an index that comes again means another block. */
  readonly #open = new Map<unknown, OpenBlock>();
  #opaqueLength = 0;

  constructor(output: AnswerOutput, createCallId: () => string) {
    this.#output = output;
    this.#calls = new CallList(createCallId);
  }

  /** A block begins, or comes whole where the answer is not streamed. */
  start(index: unknown, block: ContentBlock): void {
    this.stop(index);
    switch (block.type) {
      case 'text':
        this.#output.text(textOf(block.text));
        for (const citation of listOf(block.citations)) this.#source(citation);
        break;
      case 'thinking':
        this.#startThinking(index, block);
        break;
      case 'redacted_thinking':
        this.#opaqueLength += textOf(block.data).length;
        this.#thinking.push({ type: 'redacted_thinking', data: textOf(block.data) });
        break;
      case 'tool_use':
        this.#startCall(index, block);
        break;
      case 'web_search_tool_result':
      case 'web_fetch_tool_result':
        for (const found of Array.isArray(block.content) ? block.content : [block.content]) this.#source(found);
        break;
    }
  }

  delta(index: unknown, delta: BlockDelta): void {
    switch (delta.type) {
      case 'text_delta':
        if (typeof delta.text === 'string') this.#output.text(delta.text);
        break;
      case 'thinking_delta':
      case 'signature_delta':
        this.#think(index, textOf(delta.thinking), textOf(delta.signature));
        break;
      case 'input_json_delta':
        this.#argue(index, textOf(delta.partial_json));
        break;
      case 'citations_delta':
        this.#source(delta.citation);
        break;
    }
  }

  stop(index: unknown): void {
    const open = this.#open.get(index);
    if (open?.kind === 'call') settle(open);
    this.#open.delete(index);
  }

  /** As `CallList.take`. */
  takeCalls(isCut: boolean): UpstreamToolCall[] {
    for (const index of this.#open.keys()) this.stop(index);
    return this.#calls.take(isCut);
  }

  /** Thinking without a signature would be refused, so it is left out. */
  native(): AnthropicNative | undefined {
    const blocks = this.#thinking.filter((block) => (block.type === 'thinking' ? block.signature : block.data) !== '');
    return blocks.length === 0 || this.#opaqueLength > maxOpaqueLength ? undefined : { blocks };
  }

  #startThinking(index: unknown, block: ContentBlock): void {
    const thinking = { type: 'thinking', thinking: '', signature: '' } as const;
    this.#thinking.push(thinking);
    this.#open.set(index, { kind: 'thinking', block: thinking });
    this.#think(index, textOf(block.thinking), textOf(block.signature));
  }

  #think(index: unknown, thinking: string, signature: string): void {
    this.#output.reasoning(thinking);
    const open = this.#open.get(index);
    this.#opaqueLength += signature.length;
    if (open?.kind !== 'thinking' || this.#opaqueLength > maxOpaqueLength) return;
    open.block.thinking += thinking;
    open.block.signature += signature;
  }

  #startCall(index: unknown, block: ContentBlock): void {
    const call = this.#calls.add({ id: textOf(block.id), name: textOf(block.name), arguments: '' });
    this.#open.set(index, { kind: 'call', call, input: block.input });
    this.#output.toolCallDelta(call.name);
  }

  #argue(index: unknown, text: string): void {
    const open = this.#open.get(index);
    if (open?.kind !== 'call' || text === '') return;
    this.#output.toolCallDelta(text);
    open.call.arguments += text;
  }

  #source(value: unknown): void {
    const { url, title } = fieldsOf(value);
    if (typeof url !== 'string') return;
    this.#output.source({ url, ...(typeof title === 'string' && title !== '' ? { title } : {}) });
  }
}

/** Arguments may come with the beginning of a call instead of in pieces; a text is taken as it is. */
function settle(open: { call: OpenCall; input: unknown }): void {
  if (open.call.arguments !== '') return;
  if (typeof open.input === 'string') open.call.arguments = open.input;
  else if (isObject(open.input)) open.call.arguments = JSON.stringify(open.input);
}
