import type { AnswerOutput } from '../answer-output.ts';
import { CallList, type OpenCall } from '../call-list.ts';
import type { UpstreamToolCall } from '../contract.ts';
import { fieldsOf, isObject, listOf, textOf } from '../json-fields.ts';
import type { OutputItem, ResponseEvent } from './events.ts';
import { isPhase, type NativeItem, type ResponsesNative } from './native.ts';

/** UTF-16 units of encrypted reasoning that are kept; more is not sent back. */
const maxOpaqueLength = 4 * 1024 * 1024;

interface OpenItem {
  kind: 'message' | 'reasoning' | 'call' | 'custom' | 'other';
  call?: OpenCall | undefined;
  /** UTF-16 units of text, reasoning or arguments that came in pieces. */
  length: number;
  item: OutputItem;
  isDone: boolean;
}

/** The output items of one answer; those of the provider's own tools are passed over. */
export class OutputItems {
  readonly #output: AnswerOutput;
  readonly #calls: CallList;
  /** By the index of the stream and by id: servers leave out the one or change the other on the way. */
  readonly #open = new Map<unknown, OpenItem>();
  readonly #order: OpenItem[] = [];
  #opaqueLength = 0;

  constructor(output: AnswerOutput, createCallId: () => string) {
    this.#output = output;
    this.#calls = new CallList(createCallId);
  }

  /** Whether nothing has begun since `reset`. */
  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Another response begins in the same stream, and counts from 0 again. */
  reset(): void {
    this.#open.clear();
  }

  added(event: ResponseEvent): void {
    if (isObject(event.item)) this.#add(event, event.item);
  }

  text(event: ResponseEvent): void {
    if (typeof event.delta !== 'string') return;
    this.#output.text(event.delta);
    this.#find(event, 'message').length += event.delta.length;
  }

  reasoning(event: ResponseEvent): void {
    if (typeof event.delta !== 'string') return;
    this.#output.reasoning(event.delta);
    this.#find(event, 'reasoning').length += event.delta.length;
  }

  /** Parts of a summary are paragraphs. */
  summaryPart(event: ResponseEvent): void {
    const item = this.#find(event, 'reasoning');
    if (item.length > 0) this.reasoning({ ...event, delta: '\n\n' });
  }

  callPiece(event: ResponseEvent): void {
    const item = this.#get(event);
    if (item?.call === undefined || typeof event.delta !== 'string') return;
    this.#output.toolCallDelta(event.delta);
    item.call.arguments += event.delta;
    item.length += event.delta.length;
  }

  /** An item as a whole; what came of it in pieces before is not given again. */
  done(event: ResponseEvent): void {
    if (!isObject(event.item)) return;
    const whole: OutputItem = event.item;
    const item = this.#get(event) ?? this.#add(event, whole);
    item.item = whole;
    item.isDone = true;
    const isNew = item.length === 0;
    if (item.kind === 'message') this.#readMessage(item, whole, isNew);
    else if (item.kind === 'reasoning') this.#readReasoning(item, whole, isNew);
    else if (item.call !== undefined) this.#readCall(item, item.call, whole, isNew);
  }

  source(annotation: unknown): void {
    const { url, title } = fieldsOf(annotation);
    if (typeof url !== 'string') return;
    this.#output.source({ url, ...(typeof title === 'string' && title !== '' ? { title } : {}) });
  }

  /** As `CallList.take`. */
  takeCalls(isCut: boolean): UpstreamToolCall[] {
    for (const { kind, call, isDone } of this.#order) {
      // Plain text is no JSON; as a JSON string it is. Cut text stays what it is, and is left out.
      if (kind === 'custom' && call !== undefined && (isDone || !isCut))
        call.arguments = JSON.stringify(call.arguments);
    }
    return this.#calls.take(isCut);
  }

  /** Undefined where there is nothing that the text and the calls do not say themselves. To be asked after `takeCalls`. */
  native(model: string): ResponsesNative | undefined {
    const items = this.#order.flatMap(nativeItem);
    const isWorthIt = items.some((item) => item.type === 'reasoning' || (item.type === 'message' && item.phase));
    return isWorthIt && this.#opaqueLength <= maxOpaqueLength ? { model, items } : undefined;
  }

  #get(event: ResponseEvent): OpenItem | undefined {
    const byIndex = event.output_index === undefined ? undefined : this.#open.get(event.output_index);
    return byIndex ?? this.#open.get(event.item_id ?? fieldsOf(event.item)['id']);
  }

  #add(event: ResponseEvent, item: OutputItem): OpenItem {
    const kind = kindOf(item.type);
    const open: OpenItem = { kind, item, length: 0, isDone: false };
    if (kind === 'call' || kind === 'custom') {
      open.call = this.#calls.add({ id: textOf(item.call_id), name: textOf(item.name), arguments: '' });
      this.#output.toolCallDelta(open.call.name);
    }
    const id = event.item_id ?? item.id;
    if (event.output_index !== undefined) this.#open.set(event.output_index, open);
    if (id !== undefined || event.output_index === undefined) this.#open.set(id, open);
    if (kind !== 'other') this.#order.push(open);
    return open;
  }

  /** A piece may come of an item that was never announced. */
  #find(event: ResponseEvent, type: 'message' | 'reasoning'): OpenItem {
    const open = this.#get(event);
    return open?.kind === type ? open : this.#add(event, { type });
  }

  #readMessage(item: OpenItem, whole: OutputItem, isNew: boolean): void {
    for (const part of listOf(whole.content)) {
      const { text, refusal, annotations } = fieldsOf(part);
      const said = textOf(text) || textOf(refusal);
      if (isNew) {
        this.#output.text(said);
        item.length += said.length;
      }
      for (const annotation of listOf(annotations)) this.source(annotation);
    }
  }

  #readReasoning(item: OpenItem, whole: OutputItem, isNew: boolean): void {
    this.#opaqueLength += textOf(whole.encrypted_content).length;
    if (!isNew) return;
    const parts = [...listOf(whole.summary), ...listOf(whole.content)].map((part) => textOf(fieldsOf(part)['text']));
    const said = parts.filter((part) => part !== '').join('\n\n');
    this.#output.reasoning(said);
    item.length += said.length;
  }

  #readCall(item: OpenItem, call: OpenCall, whole: OutputItem, isNew: boolean): void {
    const text = textOf(item.kind === 'custom' ? whole.input : whole.arguments);
    if (text === '') return;
    if (isNew) this.#output.toolCallDelta(text);
    item.length += text.length;
    call.arguments = text;
    if (call.name === '') call.name = textOf(whole.name);
    if (call.id === '') call.id = textOf(whole.call_id);
  }
}

function kindOf(type: unknown): OpenItem['kind'] {
  switch (type) {
    case 'message':
    case 'reasoning':
      return type;
    case 'function_call':
      return 'call';
    case 'custom_tool_call':
      return 'custom';
    default:
      return 'other';
  }
}

function nativeItem({ kind, item, call, length }: OpenItem): NativeItem[] {
  if (kind === 'message') return [{ type: 'message', length, ...(isPhase(item.phase) ? { phase: item.phase } : {}) }];
  if (call !== undefined) return [{ type: 'function_call', call_id: call.id }];
  const { id, encrypted_content } = item;
  if (typeof id !== 'string' || typeof encrypted_content !== 'string' || encrypted_content === '') return [];
  const summary = listOf(item.summary).map((part) => textOf(fieldsOf(part)['text']));
  return [{ type: 'reasoning', id, summary, encrypted_content }];
}
