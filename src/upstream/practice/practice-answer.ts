import type { Clock, Timer } from '../../lib/clock.ts';
import { type FinishReason, UpstreamError, type UpstreamSink, type UpstreamToolCall } from '../contract.ts';

export type PracticeStep = { kind: 'text' | 'reasoning' | 'toolCallDelta'; text: string };

export interface PracticeAnswerOptions {
  requestId: string;
  steps: readonly PracticeStep[];
  /** Handed out whole after the last step. */
  call: UpstreamToolCall | undefined;
  /** Ends the answer after the last step. */
  error: UpstreamError | undefined;
  inputTokens: number;
  countTokens: (text: string) => number;
  maxOutputTokens: number;
  firstTokenMs: number;
  /** 0 or Infinity: as fast as the sink takes it. */
  tokensPerSecond: number;
  clock: Clock;
  sink: UpstreamSink;
  signal: AbortSignal;
  onClosed(): void;
}

/** Steps given without letting other work of the event loop run. */
const burstSteps = 64;

/** One practice answer on one timer: each firing gives the steps that are due by now. */
export class PracticeAnswer {
  readonly #options: PracticeAnswerOptions;
  readonly #stepMs: number;
  #next = 0;
  #outputTokens = 0;
  #text = '';
  #reasoning = '';
  #toolText = '';
  #firstStepMs = 0;
  #timer: Timer | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #over = false;
  readonly #onAbort = (): void => this.#close();

  constructor(options: PracticeAnswerOptions) {
    this.#options = options;
    const rate = options.tokensPerSecond;
    this.#stepMs = rate > 0 && Number.isFinite(rate) ? 1000 / rate : 0;
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    // Like a provider over the network, it says nothing before `stream` has returned.
    queueMicrotask(() => this.#guarded(() => this.#open()));
  }

  #open(): void {
    if (this.#over) return;
    this.#options.sink.onOpen(this.#options.requestId);
    if (this.#over) return;
    this.#firstStepMs = this.#options.clock.now() + this.#options.firstTokenMs;
    this.#schedule();
  }

  #schedule(): void {
    const waitMs = this.#firstStepMs + this.#next * this.#stepMs - this.#options.clock.now();
    // An immediate lets sockets be read in between, at a hundredth of the delay of a timer.
    if (waitMs > 0)
      this.#timer = this.#options.clock.setTimer(() => this.#guarded(() => this.#give()), Math.ceil(waitMs));
    else this.#immediate = setImmediate(() => this.#guarded(() => this.#give()));
  }

  #give(): void {
    const { clock, steps } = this.#options;
    const dueSteps =
      this.#stepMs === 0 ? burstSteps : 1 + (clock.now() - this.#firstStepMs) / this.#stepMs - this.#next;
    const last = this.#next + Math.min(dueSteps, burstSteps);
    while (!this.#over && this.#next + 1 <= last) {
      const step = steps[this.#next];
      if (step === undefined) {
        this.#finish();
        return;
      }
      const tokens = this.#options.countTokens(step.text);
      if (this.#outputTokens + tokens > this.#options.maxOutputTokens) {
        this.#end('length');
        return;
      }
      this.#outputTokens += tokens;
      this.#next += 1;
      this.#deliver(step);
    }
    if (this.#over) return;
    if (this.#next >= steps.length) this.#finish();
    else this.#schedule();
  }

  #deliver(step: PracticeStep): void {
    const { sink } = this.#options;
    if (step.kind === 'text') {
      this.#text += step.text;
      sink.onText(step.text);
    } else if (step.kind === 'reasoning') {
      this.#reasoning += step.text;
      sink.onReasoning(step.text);
    } else {
      this.#toolText += step.text;
      sink.onToolCallDelta(step.text);
    }
  }

  #finish(): void {
    const { call, error, sink } = this.#options;
    if (error !== undefined) {
      this.#reportUsage();
      if (this.#over) return;
      sink.onError(error);
      this.#close();
      return;
    }
    if (call !== undefined) sink.onToolCall(call);
    this.#end(call === undefined ? 'stop' : 'tool_calls');
  }

  #end(finish: FinishReason): void {
    if (!this.#over) this.#reportUsage();
    if (this.#over) return;
    this.#options.sink.onEnd(finish, finish);
    this.#close();
  }

  #reportUsage(): void {
    const { countTokens, inputTokens, sink } = this.#options;
    // Counted over the whole, not summed over pieces, so that it is what a tokenizer says about the text.
    const reasoning = countTokens(this.#reasoning);
    const output = reasoning + countTokens(this.#text) + countTokens(this.#toolText);
    sink.onUsage({ input: inputTokens, output, reasoning, cached: 0 });
  }

  /** A sink that throws fails its own answer, not the process. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (cause) {
      if (this.#over) return;
      this.#options.sink.onError(
        new UpstreamError('internal', 'The gateway failed while reading the answer.', { cause }),
      );
      this.#close();
    }
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    clearImmediate(this.#immediate);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#options.onClosed();
    this.#options.sink.onClose();
  }
}
