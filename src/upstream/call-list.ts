import { UpstreamError, type UpstreamToolCall } from './contract.ts';

/** A tool call that is still being written. */
export interface OpenCall {
  id: string;
  name: string;
  arguments: string;
}

/** More calls in one answer than any model makes; a bound for a provider that never stops opening new ones. */
const maxCalls = 256;

/** The tool calls of one answer, in the order in which they began, until the answer is over. */
export class CallList<Call extends OpenCall = OpenCall> {
  readonly #createCallId: () => string;
  readonly #calls: Call[] = [];

  /** @param createCallId names a call to which the provider gave no id */
  constructor(createCallId: () => string) {
    this.#createCallId = createCallId;
  }

  /** @throws UpstreamError upstream_too_large */
  add(call: Call): Call {
    if (this.#calls.length === maxCalls) {
      throw new UpstreamError('upstream_too_large', `The provider made more than ${maxCalls} tool calls.`);
    }
    this.#calls.push(call);
    return call;
  }

  findLast(test: (call: Call) => boolean): Call | undefined {
    return this.#calls.findLast(test);
  }

  get last(): Call | undefined {
    return this.#calls.at(-1);
  }

  /**
   * The finished calls, in the order in which they began; each call keeps the id it is given here.
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
      if (call.id === '') call.id = this.#createCallId();
      finished.push({ id: call.id, name: call.name, arguments: text });
    }
    return finished;
  }
}

export function isJson(text: string): boolean {
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
