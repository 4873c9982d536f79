import { CallList, isJson, type OpenCall } from '../call-list.ts';
import type { UpstreamToolCall } from '../contract.ts';
import type { ToolCallPiece } from './chunk.ts';

interface IndexedCall extends OpenCall {
  index: number | undefined;
}

/**
 * Puts streamed tool calls together. Providers differ in every respect: ids and names may be repeated, sent empty or
 * left out after the first piece, the index may be missing or always 0, arguments may come in pieces, whole, as an
 * object or not at all.
 */
export class ToolCallAssembler {
  readonly #calls: CallList<IndexedCall>;

  /** @param createCallId names a call to which the provider gave no id */
  constructor(createCallId: () => string) {
    this.#calls = new CallList(createCallId);
  }

  /** Takes one piece and returns what it added, to be counted. */
  add(piece: ToolCallPiece): string {
    const index = typeof piece.index === 'number' ? piece.index : undefined;
    const id = typeof piece.id === 'string' ? piece.id : '';
    const name = typeof piece.function?.name === 'string' ? piece.function.name : '';
    const added = argumentsText(piece.function?.arguments);
    let call = this.#find(index, id, name);
    call ??= this.#calls.add({ index, id, name: '', arguments: '' });
    if (call.id === '') call.id = id;
    // A name equal to what is already known is a repetition, not a second half.
    const addedName = name === call.name ? '' : name;
    call.name += addedName;
    call.arguments += added;
    return addedName + added;
  }

  /** As `CallList.take`. */
  take(isCut: boolean): UpstreamToolCall[] {
    return this.#calls.take(isCut);
  }

  #find(index: number | undefined, id: string, name: string): IndexedCall | undefined {
    if (index === undefined) return this.#findWithoutIndex(id, name);
    const call = this.#calls.findLast((candidate) => candidate.index === index);
    if (call === undefined || id === '' || call.id === '' || id === call.id) return call;
    // Another id under the same index begins another call (Gemini numbers all of them 0), unless it is a mere
    // continuation: some servers mint an id per chunk, but send the name only once.
    return name === '' && !isJson(call.arguments) ? call : undefined;
  }

  #findWithoutIndex(id: string, name: string): IndexedCall | undefined {
    const last = this.#calls.last;
    if (id !== '') {
      const call = this.#calls.findLast((candidate) => candidate.id === id);
      if (call !== undefined) return call;
      return last?.id === '' && name === '' ? last : undefined;
    }
    return name === '' || last?.name === '' ? last : undefined;
  }
}

function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : '';
}
