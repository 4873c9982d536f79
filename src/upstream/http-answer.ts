import type { Clock, Timer } from '../lib/clock.ts';
import { AnswerOutput } from './answer-output.ts';
import { UpstreamError, type UpstreamSink, type UpstreamTimeouts } from './contract.ts';
import { answerTimedOut, brokenConnection } from './http-errors.ts';
import { classifyProviderFailure } from './provider-failure.ts';
import type { ProviderController, ProviderHandler, ProviderRequest } from './provider-connections.ts';
import type { ProviderPool } from './provider-pool.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { GatheringReader, ReadPace } from './read-pace.ts';
import type { Slot } from './slots.ts';
import { Watchdog, type WatchdogPhase } from './watchdog.ts';

/** What a wire makes of the body of an accepted request. Whatever it throws ends the answer. */
export interface WireReader {
  feed(bytes: Buffer): void;
  /** The body ended cleanly; throws `upstream_truncated` if the answer did not. */
  finish(): void;
  /** The model has said why it stopped, although the end of the stream is still missing. */
  readonly finished: boolean;
  /** Nothing more is awaited but the end of the body; with a little silence it is taken for ended. */
  readonly settled?: boolean;
}

export interface HttpAnswerOptions {
  pool: ProviderPool;
  clock: Clock;
  timeouts: UpstreamTimeouts;
  maxOutputBytes: number;
  /** Values that must not come back in a message. */
  secrets: readonly string[];
  createReader(output: AnswerOutput): WireReader;
  pace?: ReadPace | undefined;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * starting → reading → ended → closed is the good way. `refused`: reading the body of an error status. `over`: failed
 * or aborted, waiting for the connection to be released.
 */
type State = 'starting' | 'reading' | 'refused' | 'ended' | 'over' | 'closed';

const maxErrorBodyBytes = 64 * 1024;
/** How long and how much an ended answer may still send before its connection is closed rather than kept. */
const lingerMs = 1000;
const maxLingerBytes = 64 * 1024;
/** An answer that comes faster than this per wait is read at once. */
const maxGatheredBytes = 64 * 1024;
/** How long a settled answer waits for the end of its body. */
const settleMs = 250;
/** undici connects again for as long as connections die unused, such as where something else than HTTP answers first. */
const maxConnects = 3;
const givenUp = new Error('The answer was given up.');

/** One answer over one HTTP/1.1 connection, from the request to the release of the socket; not specific to a wire. */
export class HttpAnswer implements ProviderHandler, GatheringReader {
  readonly #sink: UpstreamSink;
  readonly #signal: AbortSignal;
  readonly #options: HttpAnswerOptions;
  readonly #output: AnswerOutput;
  readonly #reader: WireReader;
  readonly #watchdog: Watchdog;
  #state: State = 'starting';
  #slot: Slot | undefined;
  #dispatched = false;
  #connects = 0;
  #controller: ProviderController | undefined;
  #destroySocket: ((reason: Error) => void) | undefined;
  #status: number | undefined;
  #retryAfterMs: number | undefined;
  #errorBody: Buffer[] = [];
  #errorBodyBytes = 0;
  #lingerBytes = 0;
  /** Bytes that wait for more, while the process is busy. */
  #gathered: Buffer[] | undefined;
  #gatheredBytes = 0;
  #lingerTimer: Timer | undefined;
  #settleTimer: Timer | undefined;
  readonly #onAbort = (): void => this.#abort();

  constructor(request: ProviderRequest, sink: UpstreamSink, signal: AbortSignal, options: HttpAnswerOptions) {
    this.#sink = sink;
    this.#signal = signal;
    this.#options = options;
    this.#watchdog = new Watchdog(options.clock, options.timeouts, (phase, boundMs) => this.#expire(phase, boundMs));
    const observer = { onLife: () => this.#watchdog.alive(), onEnded: () => this.#linger() };
    this.#output = new AnswerOutput(sink, observer, options.maxOutputBytes);
    this.#reader = options.createReader(this.#output);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    const slot = options.pool.post(request, this);
    // A request that could not even be written is closed before its slot is known here.
    if (this.#isClosed()) slot.release();
    else this.#slot = slot;
  }

  onDispatch(): void {
    this.#dispatched = true;
    this.#watchdog.connecting();
  }

  onConnecting(destroy: (reason: Error) => void): void {
    this.#destroySocket = destroy;
    this.#connects += 1;
    if (this.#state === 'over') destroy(givenUp);
    else if (this.#connects > maxConnects) destroy(new Error('Every connection died before the request was sent.'));
  }

  onRequestStart(controller: ProviderController): void {
    this.#controller = controller;
    this.#destroySocket = undefined;
    if (this.#state === 'over') controller.abort(givenUp);
    else this.#watchdog.sent();
  }

  onResponseStart(status: number, headers: Headers): void {
    if (this.#state !== 'starting' || status < 200) return;
    this.#status = status;
    const encoding = headers['content-encoding'];
    if (status >= 400) {
      this.#retryAfterMs = parseRetryAfter(headers, this.#options.clock.wall());
      this.#state = 'refused';
    } else if (status >= 300) {
      const message = 'The provider answered with a redirect, which the gateway never follows.';
      this.#fail(new UpstreamError('upstream_rejected', message, { status }));
    } else if (encoding !== undefined && encoding !== 'identity' && encoding !== '') {
      this.#fail(new UpstreamError('upstream_malformed', 'The provider compressed its answer.', { status }));
    } else {
      this.#state = 'reading';
      this.#guarded(() => this.#sink.onOpen(requestId(headers)));
    }
  }

  onResponseData(bytes: Buffer): void {
    if (this.#state === 'reading') {
      if (!this.#gathers(bytes)) this.#read(bytes);
    } else if (this.#state === 'refused') {
      this.#errorBody.push(bytes.subarray(0, maxErrorBodyBytes - this.#errorBodyBytes));
      this.#errorBodyBytes += bytes.length;
      if (this.#errorBodyBytes >= maxErrorBodyBytes) this.#refuse();
    } else if (this.#state === 'ended') {
      this.#lingerBytes += bytes.length;
      if (this.#lingerBytes > maxLingerBytes) this.#destroy();
    }
  }

  onResponseEnd(): void {
    this.#readGathered();
    if (this.#state === 'reading') this.#guarded(() => this.#reader.finish());
    else if (this.#state === 'refused') this.#refuse();
    this.#close();
  }

  onResponseError(error: Error): void {
    this.#readGathered();
    if (this.#state === 'refused') this.#refuse();
    else if (this.#state === 'starting' || this.#state === 'reading') {
      const phase = this.#state === 'reading' ? 'reading' : this.#controller === undefined ? 'connecting' : 'waiting';
      this.#fail(brokenConnection(phase, error));
    }
    this.#close();
  }

  beforeRead(): void {
    // one that is over may have left its connection to another
    if (this.#gathered !== undefined) this.#controller?.startReading();
  }

  readGathered(): number {
    const had = this.#readGathered();
    // what comes often enough to gather goes on to
    if (had > 0 && this.#state === 'reading') this.#gather();
    return had;
  }

  /** Whether the bytes wait for more; the first token never does. */
  #gathers(bytes: Buffer): boolean {
    if (this.#gathered === undefined && !(this.#output.begun && this.#gather())) return false;
    this.#gathered!.push(bytes);
    this.#gatheredBytes += bytes.length;
    if (this.#gatheredBytes > maxGatheredBytes) this.#readGathered();
    return true;
  }

  /** From now on what comes waits, most of it where it costs nothing yet. */
  #gather(): boolean {
    if (this.#options.pace?.defer(this) !== true) return false;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#controller?.stopReading();
    return true;
  }

  /** Answers how many pieces there were. */
  #readGathered(): number {
    const gathered = this.#gathered;
    if (gathered === undefined) return 0;
    this.#gathered = undefined;
    this.#controller?.startReading();
    if (gathered.length === 0 || this.#state !== 'reading') return 0;
    this.#read(gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered));
    return gathered.length;
  }

  #read(bytes: Buffer): void {
    try {
      this.#reader.feed(bytes);
      this.#settle();
    } catch (error) {
      this.#fail(wrap(error));
    }
  }

  #settle(): void {
    this.#settleTimer?.cancel();
    if (this.#reader.settled !== true || this.#state !== 'reading') return;
    this.#settleTimer = this.#options.clock.setTimer(() => {
      if (this.#state === 'reading') this.#guarded(() => this.#reader.finish());
    }, settleMs);
  }

  #abort(): void {
    if (this.#state === 'closed' || this.#state === 'over') return;
    this.#output.shut();
    this.#state = 'over';
    this.#watchdog.stop();
    this.#destroy();
  }

  #expire(phase: WatchdogPhase, boundMs: number): void {
    this.#readGathered();
    if (this.#state === 'refused') this.#refuse();
    else if (this.#state === 'reading' && this.#reader.finished) {
      // The answer is whole; only a provider that forgets to hang up is still talked to.
      this.#guarded(() => this.#reader.finish());
      this.#destroy();
    } else this.#fail(answerTimedOut(phase, boundMs));
  }

  #refuse(): void {
    const body = Buffer.concat(this.#errorBody).toString('utf8');
    this.#fail(
      classifyProviderFailure({
        status: this.#status,
        body,
        retryAfterMs: this.#retryAfterMs,
        secrets: this.#options.secrets,
      }),
    );
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fail(wrap(error));
    }
  }

  #fail(error: UpstreamError): void {
    if (this.#state === 'closed' || this.#state === 'over') return;
    this.#state = 'over';
    this.#watchdog.stop();
    try {
      this.#output.fail(error);
    } finally {
      this.#destroy();
    }
  }

  #linger(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'ended';
    this.#watchdog.stop();
    this.#lingerTimer = this.#options.clock.setTimer(() => this.#destroy(), lingerMs);
  }

  /** Whatever the phase: the request comes back through `onResponseError`, or was never dispatched. */
  #destroy(): void {
    if (this.#state === 'closed') return;
    if (this.#controller !== undefined) this.#controller.abort(givenUp);
    else if (this.#destroySocket !== undefined) this.#destroySocket(givenUp);
    else if (!this.#dispatched) this.#close();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    // nothing is read any more, but the connection may be used again
    this.#readGathered();
    this.#watchdog.stop();
    this.#lingerTimer?.cancel();
    this.#settleTimer?.cancel();
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#slot?.release();
    this.#sink.onClose();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function wrap(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError('internal', 'The gateway failed while reading the answer.', { cause: error });
}

function requestId(headers: Headers): string | undefined {
  const value = headers['x-request-id'] ?? headers['request-id'] ?? headers['apim-request-id'];
  const id = Array.isArray(value) ? value[0] : value;
  return id === undefined || id === '' ? undefined : id.slice(0, 200);
}
