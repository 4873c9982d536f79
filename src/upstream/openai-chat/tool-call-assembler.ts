import { UpstreamError, type UpstreamToolCall } from '../contract.ts';
import type { ToolCallPiece } from './chunk.ts';

interface OpenCall {
  index: number | undefined;
  id: string;
  name: string;
  arguments: string;
}

/** More calls in one answer than any model makes; a bound for a provider that never stops opening new ones. */
const maxCalls = 256;

/**
 * Puts streamed tool calls together. Providers differ in every respect: ids and names may be repeated, sent empty or
 * left out after the first piece, the index may be missing or always 0, arguments may come in pieces, whole, as an
 * object or not at all.
 */
export class ToolCallAssembler {
  readonly #createCallId: () => string;
  readonly #calls: OpenCall[] = [];

  /** @param createCallId names a call to which the provider gave no id */
  constructor(createCallId: () => string) {
    this.#createCallId = createCallId;
  }

  get size(): number {
    return this.#calls.length;
  }

  /** Takes one piece and returns what it added, to be counted. */
  add(piece: ToolCallPiece): string {
    const index = typeof piece.index === 'number' ? piece.index : undefined;
    const id = typeof piece.id === 'string' ? piece.id : '';
    const name = typeof piece.function?.name === 'string' ? piece.function.name : '';
    const added = argumentsText(piece.function?.arguments);
    let call = this.#find(index, id, name);
    if (call === undefined) {
      if (this.#calls.length === maxCalls) {
        throw new UpstreamError('upstream_too_large', `The provider made more than ${maxCalls} tool calls.`);
      }
      call = { index, id, name: '', arguments: '' };
      this.#calls.push(call);
    }
    if (call.id === '') call.id = id;
    // A name equal to what is already known is a repetition, not a second half.
    const addedName = name === call.name ? '' : name;
    call.name += addedName;
    call.arguments += added;
    return addedName + added;
  }

  /**
   * The finished calls, in the order in which they began.
   *
   * @param isCut the model was stopped in the middle, so that an unreadable last call is its doing and is left out
   * @throws UpstreamError upstream_malformed naming the tool whose arguments are not JSON
   */
  take(isCut: boolean): UpstreamToolCall[] {
    const finished: UpstreamToolCall[] = [];
    for (const call of this.#calls.splice(0)) {
      const text = call.arguments.trim() === '' ? '{}' : call.arguments;
      const isWhole = call.name !== '' && isJson(text);
      if (!isWhole && isCut) continue;
      if (call.name === '') {
        throw new UpstreamError('upstream_malformed', 'The provider made a tool call without a name.');
      }
      if (!isWhole) {
        const message = `The provider called the tool ${printable(call.name)} with arguments that are not JSON.`;
        throw new UpstreamError('upstream_malformed', message);
      }
      finished.push({ id: call.id === '' ? this.#createCallId() : call.id, name: call.name, arguments: text });
    }
    return finished;
  }

  #find(index: number | undefined, id: string, name: string): OpenCall | undefined {
    if (index === undefined) return this.#findWithoutIndex(id, name);
    const call = this.#calls.findLast((candidate) => candidate.index === index);
    if (call === undefined || id === '' || call.id === '' || id === call.id) return call;
    // Another id under the same index begins another call (Gemini numbers all of them 0), unless it is a mere
    // continuation: some servers mint an id per chunk, but send the name only once.
    return name === '' && !isJson(call.arguments) ? call : undefined;
  }

  #findWithoutIndex(id: string, name: string): OpenCall | undefined {
    const last = this.#calls.at(-1);
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function printable(name: string): string {
  return `"${name.slice(0, 64).replace(/[^\w.:/-]/g, '?')}"`;
}
