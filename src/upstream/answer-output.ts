import {
  type FinishReason,
  UpstreamError,
  type UpstreamSink,
  type UpstreamSource,
  type UpstreamToolCall,
  type UpstreamUsage,
} from './contract.ts';

/** Longest piece given to the sink at once, in UTF-16 units; a provider may send its whole answer in one delta. */
const longestPiece = 16_384;

const mostSources = 100;
/** UTF-16 units. */
const longestUrl = 2_048;

/** Told about the course of one answer by its output. */
export interface AnswerObserver {
  onLife(): void;
  onEnded(): void;
}

/**
 * The way of one answer into its sink: bounds its size, cuts huge pieces, and lets nothing through once the answer has
 * ended, failed or was aborted, also when the sink itself aborts in the middle of a chunk.
 */
export class AnswerOutput {
  readonly #sink: UpstreamSink;
  readonly #observer: AnswerObserver;
  readonly #maxOutputBytes: number;
  #outputBytes = 0;
  #usage: UpstreamUsage | undefined;
  readonly #sources = new Set<string>();
  #open = true;

  /** @param maxOutputBytes bound of text, reasoning and tool arguments together, as UTF-8 */
  constructor(sink: UpstreamSink, observer: AnswerObserver, maxOutputBytes: number) {
    this.#sink = sink;
    this.#observer = observer;
    this.#maxOutputBytes = maxOutputBytes;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Something of the answer was handed on. */
  get begun(): boolean {
    return this.#outputBytes > 0;
  }

  /** @throws UpstreamError upstream_too_large, as do `reasoning` and `toolCallDelta` */
  text(text: string): void {
    if (!this.#admit(text)) return;
    if (text.length <= longestPiece) this.#sink.onText(text);
    else this.#inPieces(text, (piece) => this.#sink.onText(piece));
  }

  reasoning(text: string): void {
    if (!this.#admit(text)) return;
    if (text.length <= longestPiece) this.#sink.onReasoning(text);
    else this.#inPieces(text, (piece) => this.#sink.onReasoning(piece));
  }

  toolCallDelta(text: string): void {
    if (!this.#admit(text)) return;
    if (text.length <= longestPiece) this.#sink.onToolCallDelta(text);
    else this.#inPieces(text, (piece) => this.#sink.onToolCallDelta(piece));
  }

  toolCall(call: UpstreamToolCall): void {
    if (this.#open) this.#sink.onToolCall(call);
  }

  /** An address is told once, and no more than `mostSources` of them. */
  source(source: UpstreamSource): void {
    if (!this.#open || this.#sources.has(source.url) || this.#sources.size >= mostSources) return;
    if (!/^https?:\/\//i.test(source.url) || source.url.length > longestUrl) return;
    this.#sources.add(source.url);
    this.#sink.onSource?.(source);
  }

  /** What the provider wants back with the next request, plain JSON; comes right before `end`. */
  native(value: unknown): void {
    if (this.#open) this.#sink.onNative?.(value);
  }

  /** Kept until the end, because some providers report a running count with every chunk: the last one wins. */
  usage(usage: UpstreamUsage): void {
    this.#usage = usage;
  }

  end(finish: FinishReason, rawFinish: string | undefined): void {
    if (!this.#open) return;
    this.#reportUsage();
    if (!this.#open) return;
    this.#open = false;
    this.#sink.onEnd(finish, rawFinish);
    this.#observer.onEnded();
  }

  fail(error: UpstreamError): void {
    if (!this.#open) return;
    this.#reportUsage();
    if (!this.#open) return;
    this.#open = false;
    this.#sink.onError(error);
  }

  /** After an abort: nothing more reaches the sink. */
  shut(): void {
    this.#open = false;
  }

  #reportUsage(): void {
    const usage = this.#usage;
    this.#usage = undefined;
    if (usage !== undefined) this.#sink.onUsage(usage);
  }

  #admit(text: string): boolean {
    if (!this.#open || text === '') return false;
    this.#outputBytes += Buffer.byteLength(text);
    if (this.#outputBytes > this.#maxOutputBytes) {
      throw new UpstreamError('upstream_too_large', `The answer is longer than ${this.#maxOutputBytes} bytes.`);
    }
    this.#observer.onLife();
    return true;
  }

  #inPieces(text: string, give: (piece: string) => void): void {
    let start = 0;
    while (start < text.length && this.#open) {
      let end = Math.min(start + longestPiece, text.length);
      if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
      give(text.slice(start, end));
      start = end;
    }
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
