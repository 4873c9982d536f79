import type { LogEvent } from '../session/log-event.ts';
import type { TokenCounter } from '../tokens/token-counter.ts';

export type DeltaKind = 'text' | 'reasoning';

export interface TurnOutputOptions {
  createCounter(): TokenCounter;
  emit(kind: DeltaKind, text: string, tokens: number): void;
  /** The limit was reached. `cut`: what came after it is dropped, and `onCut` follows; `wait`: until `resume` or `cut`. */
  atLimit(): 'cut' | 'wait';
  onCut(): void;
}

/** Text behind the limit that is counted and not handed on, with the output tokens at the end of each of its characters. */
interface HeldBack {
  kind: DeltaKind;
  text: string;
  marks: { end: number; tokens: number }[];
  /** Output tokens before it. */
  tokensBefore: number;
}

/** More text than this at once is taken in slices, a loop turn apart, so that no provider's burst blocks the others. */
const sliceLength = 4_096;

/**
 * Counts an answer while it comes and hands it on as deltas: no half of a surrogate pair, none beyond the token limit.
 * Text, reasoning and tool arguments are counted apart, as the provider tokenizes them apart, and summed.
 */
export class TurnOutput {
  /** The answer is not handed on beyond this many output tokens. */
  maxTokens = Number.POSITIVE_INFINITY;
  readonly #options: TurnOutputOptions;
  #text: TokenCounter | undefined;
  #reasoning: TokenCounter | undefined;
  #tool: TokenCounter | undefined;
  /** Sums over the upstream calls that are over. */
  #closedTokens = 0;
  /** Tokens of the visible text of each of them; 0 where it does not stand. */
  #closedTextTokens: number[] = [];
  #closedReasoningTokens = 0;
  /** Calls that were over when the round began. */
  #callsBefore = 0;
  /** First half of a pair whose second half has not come. */
  #heldKind: DeltaKind = 'text';
  #held = '';
  #backlog: { kind: DeltaKind; text: string }[] = [];
  #draining = false;
  #whenDrained: (() => void) | undefined;
  #heldBack: HeldBack | undefined;
  #stopped = false;
  /** Tokens of what was handed on before the limit cut the rest. */
  #cutTokens: number | undefined;

  constructor(options: TurnOutputOptions) {
    this.#options = options;
  }

  /** Output tokens so far. */
  get tokens(): number {
    if (this.#cutTokens !== undefined) return this.#cutTokens;
    return this.#closedTokens + (this.#text?.total ?? 0) + (this.#reasoning?.total ?? 0) + (this.#tool?.total ?? 0);
  }

  /** Output tokens of the upstream call that is not over. */
  get roundTokens(): number {
    return this.tokens - this.#closedTokens;
  }

  /** Tokens of the visible text of all rounds that stands. */
  get textTokens(): number {
    return this.#closedTextTokens.reduce((sum, tokens) => sum + tokens, this.#text?.total ?? 0);
  }

  get reasoningTokens(): number {
    return this.#closedReasoningTokens + (this.#reasoning?.total ?? 0);
  }

  /** Counts what a node that is gone handed on, without handing it on again; answers how many upstream calls that took. */
  replay(events: readonly LogEvent[]): number {
    let isRoundOver = false;
    let isRoundOpen = false;
    /** Where each upstream call began to speak. */
    const begins: number[] = [];
    for (const event of events) {
      if (event.t === 'tool.result') isRoundOver = isRoundOpen;
      if (event.t === 'turn.restarted') {
        // several calls may be void, one that said nothing yet among them
        if (isRoundOpen) this.closeCall();
        this.dropText(begins.filter((begin) => begin >= event.from).length);
        isRoundOver = false;
        isRoundOpen = false;
      }
      if (event.t !== 'delta' && event.t !== 'tool.call') continue;
      if (isRoundOver) this.closeCall();
      if (isRoundOver || !isRoundOpen) begins.push(event.pos);
      isRoundOver = false;
      isRoundOpen = true;
      if (event.t === 'delta') this.#counterOf(event.kind ?? 'text').append(event.text);
      else (this.#tool ??= this.#options.createCounter()).append(event.name + event.arguments);
    }
    if (isRoundOver) this.closeCall();
    return Math.max(1, begins.length);
  }

  push(kind: DeltaKind, text: string): void {
    if (this.#stopped || text === '') return;
    const isFree = this.#backlog.length === 0 && this.#heldBack === undefined;
    if (isFree && text.length <= sliceLength) return this.#take(kind, text);
    for (let i = 0; i < text.length; i += sliceLength)
      this.#backlog.push({ kind, text: text.slice(i, i + sliceLength) });
    this.#drainLater();
  }

  /** Arguments of a tool call are paid for, though not shown as text. */
  countToolText(text: string): void {
    this.#tool ??= this.#options.createCounter();
    this.#tool.append(text);
    if (this.tokens <= this.maxTokens || this.#heldBack !== undefined) return;
    // nothing of it is shown: what is waited for is only whether it may go on
    if (this.#options.atLimit() === 'cut') this.#cut(this.tokens);
  }

  /** Something is counted and waits for a higher limit. */
  get isWaiting(): boolean {
    return this.#heldBack !== undefined;
  }

  /** The limit is a higher one now: what was held back is handed on. */
  resume(): void {
    const held = this.#heldBack;
    if (held === undefined || this.#stopped) return;
    this.#heldBack = undefined;
    this.#handOn(held);
    if (this.#heldBack === undefined) this.#drainLater();
  }

  /** The limit stands: what was held back is dropped, and was not said. */
  cut(): void {
    if (!this.#stopped) this.#cut(this.#heldBack?.tokensBefore ?? this.tokens);
  }

  /** Calls `then` when everything pushed has been handed on. */
  finish(then: () => void): void {
    if (this.#backlog.length > 0 || this.#heldBack !== undefined) {
      this.#whenDrained = then;
    } else {
      this.flush();
      then();
    }
  }

  /** Hands on a half pair that will not be completed, as U+FFFD. */
  flush(): void {
    if (this.#held === '' || this.#stopped || this.#heldBack !== undefined) return;
    this.#held = '';
    this.#emit(this.#heldKind, '\ufffd');
  }

  /** What comes now may be taken back. */
  beginRound(): void {
    this.#callsBefore = this.#closedTextTokens.length;
  }

  /** What the round said does not hold; it is paid for all the same. */
  restart(): void {
    for (const { kind, text } of this.#backlog.splice(0)) this.#counterOf(kind).append(text);
    this.#heldBack = undefined;
    this.#draining = false;
    this.#held = '';
    this.closeCall();
    this.dropText(this.#closedTextTokens.length - this.#callsBefore);
  }

  /** One upstream call is over; a next one starts its tokens anew. */
  closeCall(): void {
    this.#closedTokens = this.tokens;
    this.#closedTextTokens.push(this.#text?.total ?? 0);
    this.#closedReasoningTokens = this.reasoningTokens;
    this.#text = undefined;
    this.#reasoning = undefined;
    this.#tool = undefined;
  }

  /** The text of the last `rounds` upstream calls that are over does not stand; its tokens were paid for. */
  dropText(rounds: number): void {
    if (rounds > 0) this.#closedTextTokens.fill(0, -rounds);
  }

  /** Nothing is handed on any more. */
  stop(): void {
    // what waits to be handed on was not said
    if (this.#heldBack !== undefined) this.#cutTokens ??= this.#heldBack.tokensBefore;
    this.#heldBack = undefined;
    this.#stopped = true;
    this.#backlog = [];
    this.#whenDrained = undefined;
  }

  #drainLater(): void {
    if (this.#draining || this.#heldBack !== undefined) return;
    if (this.#backlog.length === 0 && this.#whenDrained === undefined) return;
    this.#draining = true;
    setImmediate(this.#drain);
  }

  readonly #drain = (): void => {
    const piece = this.#backlog.shift();
    if (this.#stopped) {
      this.#draining = false;
      return;
    }
    if (piece !== undefined) this.#take(piece.kind, piece.text);
    if (this.#heldBack !== undefined) {
      this.#draining = false;
      return;
    }
    if (this.#backlog.length > 0) {
      setImmediate(this.#drain);
      return;
    }
    this.#draining = false;
    const then = this.#whenDrained;
    this.#whenDrained = undefined;
    if (then !== undefined) this.finish(then);
  };

  #take(kind: DeltaKind, piece: string): void {
    let text = piece;
    if (this.#held !== '') {
      if (this.#heldKind === kind) text = this.#held + text;
      else this.flush();
      this.#held = '';
    }
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#held = text.slice(-1);
      this.#heldKind = kind;
      text = text.slice(0, -1);
    }
    if (text !== '') this.#emit(kind, text.toWellFormed());
  }

  #emit(kind: DeltaKind, text: string): void {
    const counter = this.#counterOf(kind);
    // a token is at least one byte, so most deltas cannot reach the limit
    if (this.tokens + 3 * text.length > this.maxTokens) return this.#emitWithinLimit(counter, kind, text);
    counter.append(text);
    this.#options.emit(kind, text, this.tokens);
  }

  #emitWithinLimit(counter: TokenCounter, kind: DeltaKind, text: string): void {
    const held: HeldBack = { kind, text, marks: [], tokensBefore: this.tokens };
    let end = 0;
    for (const character of text) {
      end += character.length;
      counter.append(character);
      held.marks.push({ end, tokens: this.tokens });
    }
    this.#handOn(held);
  }

  /** The longest prefix within the limit is handed on; if something is left over, the limit is reached. */
  #handOn({ kind, text, marks, tokensBefore }: HeldBack): void {
    // a longer text may take fewer tokens, so the last one within the limit counts
    const last = marks.findLastIndex(({ tokens }) => tokens <= this.maxTokens);
    const kept = marks[last] ?? { end: 0, tokens: tokensBefore };
    if (kept.end > 0) this.#options.emit(kind, text.slice(0, kept.end), kept.tokens);
    if (kept.end === text.length) return;
    this.#heldBack = {
      kind,
      text: text.slice(kept.end),
      marks: marks.slice(last + 1).map(({ end, tokens }) => ({ end: end - kept.end, tokens })),
      tokensBefore: kept.tokens,
    };
    if (this.#options.atLimit() === 'cut') this.#cut(kept.tokens);
  }

  #cut(tokens: number): void {
    this.#cutTokens = tokens;
    this.stop();
    this.#options.onCut();
  }

  #counterOf(kind: DeltaKind): TokenCounter {
    if (kind === 'text') return (this.#text ??= this.#options.createCounter());
    return (this.#reasoning ??= this.#options.createCounter());
  }
}

/** What is left of a limit; providers take one token at least. */
export function lessBy(limit: number | undefined, used: number): number | undefined {
  return limit === undefined ? undefined : Math.max(1, limit - used);
}

export function minimum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
