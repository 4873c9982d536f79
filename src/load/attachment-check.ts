import type { DownFrame, EventFrame } from '../../protocol/index.ts';
import { answerText } from '../practice-server/answer-tokens.ts';

type Attached = Extract<DownFrame, { t: 'attached' }>;
type Delta = Extract<EventFrame, { t: 'delta' }>;
type TurnEnded = Extract<EventFrame, { t: 'turn.ended' }>;

interface RunningTurn {
  text: string;
  /** Position of the first piece of text. */
  textAt: number | undefined;
  tokens: number;
  /** Whether the text cannot be judged: it begins anew in its middle. */
  isPatched: boolean;
  isCancelling: boolean;
}

/** Ended turns that are remembered, for an end that comes twice. */
const rememberedEnds = 256;

/**
 * What a client is promised, checked on every event of one session, across its sockets: positions without gap or repeat,
 * one end per turn, nothing after it, and with a seed the very text of the practice upstream.
 */
export class AttachmentCheck {
  readonly #onViolation: (name: string) => void;
  readonly #seed: number | undefined;
  readonly #running = new Map<string, RunningTurn>();
  readonly #ended = new Set<string>();
  #next = 0;

  constructor(onViolation: (name: string) => void, seed: number | undefined) {
    this.#onViolation = onViolation;
    this.#seed = seed;
  }

  /** The position that is expected next. */
  get cursor(): number {
    return this.#next;
  }

  attached({ outcome, from }: Attached): void {
    if (outcome === 'resumed' && from !== this.#next) this.#onViolation('resumed_elsewhere');
    if (outcome === 'snapshot') this.#running.clear();
    this.#next = from;
    for (const turn of this.#running.values()) turn.isCancelling = false;
  }

  event(frame: EventFrame): void {
    if (frame.pos !== this.#next) this.#onViolation(frame.pos > this.#next ? 'position_gap' : 'position_repeat');
    this.#next = frame.pos + (frame.t === 'delta' ? frame.text.length : 1);
    if (frame.t === 'turn.accepted') this.#accept(frame.turn);
    else if (frame.t === 'delta') this.#delta(frame);
    else if (frame.t === 'turn.ended') this.#end(frame);
    else if (frame.t === 'turn.restarted') this.#restart(frame.turn, frame.from);
  }

  cancelling(turn: string): void {
    const running = this.#running.get(turn);
    if (running !== undefined) running.isCancelling = true;
  }

  /** A position in the middle of what a turn has said so far; undefined where it has said nothing. */
  middleOf(turn: string): number | undefined {
    const running = this.#running.get(turn);
    if (running?.textAt === undefined) return undefined;
    return running.textAt + Math.floor(running.text.length / 2);
  }

  #accept(turn: string): void {
    if (this.#running.has(turn) || this.#ended.has(turn)) this.#onViolation('accepted_twice');
    this.#running.set(turn, { text: '', textAt: undefined, tokens: 0, isPatched: false, isCancelling: false });
  }

  #delta({ turn, kind, text, tokens, pos }: Delta): void {
    const running = this.#running.get(turn);
    if (running === undefined) {
      this.#onViolation(this.#ended.has(turn) ? 'delta_after_end' : 'delta_of_unknown_turn');
      return;
    }
    if (running.isCancelling) this.#onViolation('delta_after_cancelling');
    if (tokens < running.tokens) this.#onViolation('tokens_went_back');
    running.tokens = tokens;
    if (kind === 'reasoning') return;
    running.textAt ??= pos;
    running.text += text;
  }

  #restart(turn: string, from: number): void {
    const running = this.#running.get(turn);
    if (running === undefined) return;
    if (running.textAt !== undefined && from > running.textAt) running.isPatched = true;
    running.text = '';
    running.textAt = undefined;
    running.tokens = 0;
  }

  #end(frame: TurnEnded): void {
    const running = this.#running.get(frame.turn);
    if (running === undefined) {
      this.#onViolation(this.#ended.has(frame.turn) ? 'ended_twice' : 'end_of_unknown_turn');
      return;
    }
    this.#running.delete(frame.turn);
    this.#ended.add(frame.turn);
    if (this.#ended.size > rememberedEnds) this.#ended.delete(this.#ended.values().next().value!);
    if (this.#seed !== undefined && !running.isPatched) this.#verify(this.#seed, running, frame);
  }

  #verify(seed: number, { text, tokens }: RunningTurn, { turn, status, usage }: TurnEnded): void {
    if (status === 'completed') {
      if (text !== answerText(seed, turn, usage.output)) this.#onViolation('wrong_text');
      return;
    }
    // what is shown may end within a token of the upstream's
    if (!answerText(seed, turn, tokens + 1).startsWith(text)) this.#onViolation('wrong_text');
  }
}
