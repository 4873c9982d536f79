import type { AnswerOutput } from '../answer-output.ts';
import { CallList, type OpenCall } from '../call-list.ts';
import type { UpstreamToolCall } from '../contract.ts';
import { isObject, textOf } from '../json-fields.ts';
import type { FunctionCallPiece } from './events.ts';
import type { NativeCall } from './native.ts';
import { PartialArguments } from './partial-arguments.ts';

interface FunctionCall extends OpenCall {
  /** As the provider named it. */
  providerId: string;
  signature: string;
  partial: PartialArguments | undefined;
}

/** The calls of one answer: whole ones, and such as come in pieces, one after the other. */
export class FunctionCalls {
  readonly #output: AnswerOutput;
  readonly #list: CallList<FunctionCall>;
  readonly #calls: FunctionCall[] = [];
  #unfinished: FunctionCall | undefined;

  constructor(output: AnswerOutput, createCallId: () => string) {
    this.#output = output;
    this.#list = new CallList(createCallId);
  }

  add(piece: FunctionCallPiece, signature: string): void {
    const name = textOf(piece.name);
    let call = this.#unfinished;
    if (call === undefined || name !== '') {
      // An empty piece ends a call; where none is open, it says nothing.
      if (name === '' && !isObject(piece.args) && piece.partialArgs === undefined) return;
      const id = textOf(piece.id);
      call = this.#list.add({ id, providerId: id, name, arguments: '', signature: '', partial: undefined });
      this.#calls.push(call);
      this.#output.toolCallDelta(name);
    }
    if (signature !== '') call.signature = signature;
    this.#argue(call, piece);
    this.#unfinished = piece.willContinue === true ? call : undefined;
  }

  /** As `CallList.take`. */
  take(isCut: boolean): UpstreamToolCall[] {
    for (const call of this.#calls) {
      if (call.partial !== undefined) call.arguments = call === this.#unfinished && isCut ? '{' : call.partial.text;
    }
    return this.#list.take(isCut);
  }

  /** To be asked after `take`, by which each call has its id. */
  native(): NativeCall[] {
    return this.#calls
      .filter((call) => call.providerId !== '' || call.signature !== '')
      .map(({ id, providerId, signature }) => ({
        call: id,
        ...(providerId === '' ? {} : { id: providerId }),
        ...(signature === '' ? {} : { signature }),
      }));
  }

  #argue(call: FunctionCall, piece: FunctionCallPiece): void {
    const isPartial = Array.isArray(piece.partialArgs) || piece.willContinue === true || call.partial !== undefined;
    if (!isPartial) {
      if (!isObject(piece.args)) return;
      call.arguments = JSON.stringify(piece.args);
      this.#output.toolCallDelta(call.arguments);
      return;
    }
    call.partial ??= new PartialArguments();
    if (isObject(piece.args)) {
      call.partial.assign(piece.args);
      this.#output.toolCallDelta(JSON.stringify(piece.args));
    }
    this.#output.toolCallDelta(call.partial.add(piece.partialArgs));
  }
}
