import type { Clock } from '../../lib/clock.ts';
import { AnswerOutput } from '../answer-output.ts';
import { UpstreamError, type UpstreamSink, type UpstreamTimeouts } from '../contract.ts';
import { answerTimedOut } from '../http-errors.ts';
import { Watchdog } from '../watchdog.ts';
import type { CallOptions, LanguageModel, StreamPart } from './language-model.ts';
import { modelFailure } from './model-failure.ts';
import { PartReader } from './part-reader.ts';

export interface ModelAnswerOptions {
  model: LanguageModel;
  /** What it throws ends the answer. */
  createCall(abortSignal: AbortSignal): CallOptions;
  sink: UpstreamSink;
  signal: AbortSignal;
  timeouts: UpstreamTimeouts;
  maxOutputBytes: number;
  clock: Clock;
  /** Values that must not be quoted from an error. */
  secrets: readonly string[];
  onClosed(): void;
}

/** A stream that has all its parts ready would keep the event loop to itself: others get a turn after this many. */
const partsPerTurn = 64;
/** A model that does not let go of a cancelled stream is not waited for longer, milliseconds. */
const releaseMs = 1_000;

/** One call of a model: from `doStream` to the release of its stream. */
export class ModelAnswer {
  readonly #options: ModelAnswerOptions;
  readonly #abort = new AbortController();
  readonly #output: AnswerOutput;
  readonly #watchdog: Watchdog;
  #reader: ReadableStreamDefaultReader<unknown> | undefined;
  #closed = false;

  constructor(options: ModelAnswerOptions) {
    const { sink, signal, clock, timeouts, maxOutputBytes } = options;
    this.#options = options;
    this.#watchdog = new Watchdog(clock, timeouts, (phase, boundMs) => {
      this.#output.fail(answerTimedOut(phase, boundMs));
      this.#release();
    });
    const observer = { onLife: () => this.#watchdog.alive(), onEnded: () => {} };
    this.#output = new AnswerOutput(sink, observer, maxOutputBytes);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    void this.#run();
  }

  readonly #onAbort = (): void => {
    this.#output.shut();
    this.#release(this.#options.signal.reason);
  };

  async #run(): Promise<void> {
    const { model, createCall, sink, clock, secrets } = this.#options;
    try {
      // making the connection is the model's own business, and cannot be told from waiting
      this.#watchdog.sent();
      const { stream, response } = await model.doStream(createCall(this.#abort.signal) as never);
      this.#reader = stream.getReader();
      if (!this.#output.open) return;
      sink.onOpen(requestIdOf(response?.headers));
      await this.#readAll(this.#reader, new PartReader(this.#output, model.provider));
    } catch (error) {
      this.#output.fail(modelFailure(error, clock.wall(), secrets));
    } finally {
      this.#release();
    }
  }

  async #readAll(reader: ReadableStreamDefaultReader<unknown>, parts: PartReader): Promise<void> {
    for (let count = 1; this.#output.open; count++) {
      const { done, value } = await reader.read();
      if (!this.#output.open) return;
      if (done)
        throw new UpstreamError(
          'upstream_truncated',
          'The stream of the model ended without saying that it is complete.',
        );
      if (typeof value === 'object' && value !== null) parts.read(value as StreamPart);
      if (count % partsPerTurn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Lets go of the stream, at the end or in the middle of it. May come twice: a model can open a stream after an abort. */
  #release(reason: unknown = new Error('the answer is over')): void {
    this.#watchdog.stop();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#abort.abort(reason);
    const cancelled = this.#reader?.cancel(reason).catch(() => {}) ?? Promise.resolve();
    if (this.#closed) return;
    this.#closed = true;
    const timer = this.#options.clock.setTimer(() => close(), releaseMs);
    let isOver = false;
    const close = (): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      this.#options.sink.onClose();
      this.#options.onClosed();
    };
    void cancelled.then(close);
  }
}

function requestIdOf(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const { 'x-request-id': id, 'request-id': other } = headers as Record<string, unknown>;
  const found = id ?? other;
  return typeof found === 'string' ? found : undefined;
}
