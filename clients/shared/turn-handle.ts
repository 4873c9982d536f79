import type { EventFrame } from '../../protocol/down.ts';
import type { TurnInput } from '../../protocol/frames/common.ts';
import type { Delta, TurnEnded, TurnState } from '../../protocol/frames/turn.ts';
import type { CancelOptions, ToolOutcome, Turn, TurnPart, TurnProgress, TurnResult, TurnToolCall } from './api.ts';
import { createDeferred } from './deferred.ts';
import { ParleyError } from './parley-error.ts';

/** Text pieces are joined up to this length, in UTF-16 code units: what an iteration copies per step stays small. */
const joinedLength = 4_096;

/** What a turn asks of its session. */
export interface TurnOwner {
  cancel(turn: TurnHandle, options: CancelOptions): Promise<TurnResult>;
  toolResult(turn: TurnHandle, call: string, outcome: ToolOutcome): Promise<void>;
}

type TextPart = Extract<TurnPart, { text: string }>;
type SaidPart = Extract<TurnPart, { pos: number }>;

export class TurnHandle implements Turn {
  readonly id: string;
  input: TurnInput | undefined;
  status: TurnProgress = 'sending';
  tokens = 0;
  readonly #owner: TurnOwner;
  readonly #accepted = createDeferred<void>();
  readonly #done = createDeferred<TurnResult>();
  /** All that was said, once for every iteration: each of them keeps a place in it instead of a buffer. */
  #parts: TurnPart[] = [];
  /** Those that were said and that no restart has dropped. */
  #standing: SaidPart[] = [];
  #waiting: (() => void)[] = [];
  #failure: ParleyError | undefined;

  constructor(id: string, input: TurnInput | undefined, owner: TurnOwner) {
    this.id = id;
    this.input = input;
    this.#owner = owner;
  }

  get accepted(): Promise<void> {
    return this.#accepted.promise;
  }

  get done(): Promise<TurnResult> {
    return this.#done.promise;
  }

  get over(): boolean {
    return this.status !== 'sending' && this.status !== 'running';
  }

  get partialText(): string {
    return this.#joined('text');
  }

  get partialReasoning(): string {
    return this.#joined('reasoning');
  }

  get toolCalls(): TurnToolCall[] {
    const calls = new Map<string, TurnToolCall>();
    for (const { type, pos: _pos, ...part } of this.#standing) {
      if (type === 'tool-call') calls.set((part as TurnToolCall).call, part as TurnToolCall);
      else if (type === 'tool-result') Object.assign(calls.get((part as TurnToolCall).call) ?? {}, part);
    }
    return [...calls.values()];
  }

  async text(): Promise<string> {
    return (await this.done).text;
  }

  cancel(options: CancelOptions = {}): Promise<TurnResult> {
    return this.#owner.cancel(this, options);
  }

  toolResult(call: string, outcome: ToolOutcome): Promise<void> {
    return this.#owner.toolResult(this, call, outcome);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TurnPart, void, undefined> {
    let parts = this.#parts;
    let index = 0;
    let length = 0;
    for (;;) {
      if (parts !== this.#parts) {
        if (index + length > 0) throw lost();
        parts = this.#parts;
      }
      const part = parts[index];
      if (part !== undefined && !('text' in part)) {
        index++;
        yield { ...part };
      } else if (part !== undefined && part.text.length > length) {
        const from = length;
        length = part.text.length;
        yield { ...part, text: part.text.slice(from), pos: part.pos + from };
      } else if (index < parts.length - 1) {
        index++;
        length = 0;
      } else if (this.over) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      } else {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    }
  }

  /** An event of the log, in order and once. */
  apply(event: EventFrame): void {
    if (this.over) return;
    if (this.status === 'sending') {
      this.status = 'running';
      this.#accepted.resolve();
    }
    const { t, s: _alias, pos, turn: _turn, ...rest } = event;
    if (event.t === 'turn.accepted') this.input = event.input;
    else if (event.t === 'delta') this.#say(event);
    else if (event.t === 'turn.ended') this.#end(event);
    else {
      const part = { type: t.replace('turn.', '').replace('.', '-'), ...rest } as TurnPart;
      if (event.t === 'tool.call' || event.t === 'tool.result') this.#push({ ...part, pos } as SaidPart);
      else this.#parts.push(part);
      if (event.t === 'turn.restarted') this.#drop(event.from);
    }
    this.#wake();
  }

  progress({ state, place }: TurnState): void {
    const last = this.#parts.at(-1);
    if (this.over || (last?.type === 'state' && last.state === state && last.place === place)) return;
    this.#parts.push({ type: 'state', state, place });
    this.#wake();
  }

  /** The log is told anew from the start. */
  reset(): void {
    this.#parts = [];
    this.#standing = [];
    this.tokens = 0;
    this.#wake();
  }

  /** It will not run, or can no longer be followed. */
  refuse(error: ParleyError): void {
    if (this.over) return;
    this.status = 'refused';
    this.#failure = error;
    this.#accepted.reject(error);
    this.#done.reject(error);
    this.#wake();
  }

  /** It was cancelled before it was ever sent: the gateway need not know. */
  cancelUnsent(reason = 'cancelled'): void {
    if (this.over) return;
    this.#accepted.reject(new ParleyError('aborted', 'The turn was cancelled before it was sent.'));
    const usage = { input: 0, output: 0, reasoning: 0, cached: 0, source: 'counted' as const };
    this.#finish({ status: 'cancelled', reason, usage, timing: { queuedMs: 0, totalMs: 0 } });
    this.#wake();
  }

  #say({ kind, text, tokens, pos }: Delta): void {
    this.tokens = tokens;
    const type = kind ?? 'text';
    const last = this.#parts.at(-1) as TextPart | undefined;
    const joins = last?.type === type && last.pos + last.text.length === pos && last.text.length < joinedLength;
    if (!joins) {
      this.#push({ type, text, tokens, pos });
    } else {
      last.text += text;
      last.tokens = tokens;
    }
  }

  #push(part: SaidPart): void {
    this.#parts.push(part);
    this.#standing.push(part);
  }

  /** What was said from a position on does not hold; a text that reaches beyond it is cut. */
  #drop(from: number): void {
    this.#standing = this.#standing
      .filter(({ pos }) => pos < from)
      .map((part) => ('text' in part ? { ...part, text: part.text.slice(0, from - part.pos) } : part));
  }

  #end({ t: _type, s: _alias, pos: _pos, turn: _turn, ...end }: TurnEnded): void {
    this.tokens = end.usage.output;
    this.#finish(end);
  }

  #finish(end: Omit<TurnResult, 'text' | 'reasoning' | 'toolCalls'>): void {
    this.status = end.status;
    this.#done.resolve({ ...end, text: this.partialText, reasoning: this.partialReasoning, toolCalls: this.toolCalls });
  }

  #joined(type: 'text' | 'reasoning'): string {
    return this.#standing.map((part) => (part.type === type ? part.text : '')).join('');
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function lost(): ParleyError {
  return new ParleyError('history_lost', 'What this iteration gave is void; iterate again.');
}
