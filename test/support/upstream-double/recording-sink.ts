import type {
  FinishReason,
  UpstreamError,
  UpstreamSink,
  UpstreamSource,
  UpstreamToolCall,
  UpstreamUsage,
} from '../../../src/upstream/contract.ts';

export type SinkCall =
  | { kind: 'open'; requestId: string | undefined }
  | { kind: 'text' | 'reasoning' | 'toolCallDelta'; text: string }
  | { kind: 'toolCall'; call: UpstreamToolCall }
  | { kind: 'source'; source: UpstreamSource }
  | { kind: 'native'; value: unknown }
  | { kind: 'usage'; usage: UpstreamUsage }
  | { kind: 'end'; finish: FinishReason; rawFinish: string | undefined }
  | { kind: 'error'; error: UpstreamError }
  | { kind: 'close' };

/** A sink that writes everything down. */
export class RecordingSink implements UpstreamSink {
  readonly calls: SinkCall[] = [];
  /** Resolves at the first `onClose`. */
  readonly closed: Promise<void>;
  /** Runs after each call was written down, such as to abort in the middle of a chunk. */
  onCall: ((call: SinkCall) => void) | undefined;
  #resolveClosed: () => void = () => {};
  readonly #waiting: { kind: SinkCall['kind']; resolve: () => void }[] = [];

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  onOpen(requestId: string | undefined): void {
    this.#record({ kind: 'open', requestId });
  }
  onText(text: string): void {
    this.#record({ kind: 'text', text });
  }
  onReasoning(text: string): void {
    this.#record({ kind: 'reasoning', text });
  }
  onToolCallDelta(text: string): void {
    this.#record({ kind: 'toolCallDelta', text });
  }
  onToolCall(call: UpstreamToolCall): void {
    this.#record({ kind: 'toolCall', call });
  }
  onSource(source: UpstreamSource): void {
    this.#record({ kind: 'source', source });
  }
  onNative(value: unknown): void {
    this.#record({ kind: 'native', value });
  }
  onUsage(usage: UpstreamUsage): void {
    this.#record({ kind: 'usage', usage });
  }
  onEnd(finish: FinishReason, rawFinish: string | undefined): void {
    this.#record({ kind: 'end', finish, rawFinish });
  }
  onError(error: UpstreamError): void {
    this.#record({ kind: 'error', error });
  }
  onClose(): void {
    this.#record({ kind: 'close' });
    this.#resolveClosed();
  }

  /** Resolves when a call of this kind has come. */
  until(kind: SinkCall['kind']): Promise<void> {
    if (this.calls.some((call) => call.kind === kind)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ kind, resolve }));
  }

  get kinds(): SinkCall['kind'][] {
    return this.calls.map((call) => call.kind);
  }
  get text(): string {
    return this.#join('text');
  }
  get reasoning(): string {
    return this.#join('reasoning');
  }
  get toolCallDeltas(): string {
    return this.#join('toolCallDelta');
  }
  get toolCalls(): UpstreamToolCall[] {
    return this.calls.flatMap((call) => (call.kind === 'toolCall' ? [call.call] : []));
  }
  get sources(): UpstreamSource[] {
    return this.calls.flatMap((call) => (call.kind === 'source' ? [call.source] : []));
  }
  get native(): unknown {
    return this.calls.find((call) => call.kind === 'native')?.value;
  }
  get usage(): UpstreamUsage | undefined {
    return this.calls.flatMap((call) => (call.kind === 'usage' ? [call.usage] : [])).at(-1);
  }
  get end(): { finish: FinishReason; rawFinish: string | undefined } | undefined {
    const call = this.calls.find((candidate) => candidate.kind === 'end');
    return call === undefined ? undefined : { finish: call.finish, rawFinish: call.rawFinish };
  }
  get error(): UpstreamError | undefined {
    return this.calls.find((candidate) => candidate.kind === 'error')?.error;
  }

  /** What the contract forbids, in words; empty when it was kept. */
  get violations(): string[] {
    const kinds = this.kinds;
    const found: string[] = [];
    if (kinds.filter((kind) => kind === 'close').length !== 1) found.push('onClose did not come exactly once');
    if (kinds.at(-1) !== 'close') found.push('onClose was not last');
    const ends = kinds.filter((kind) => kind === 'end' || kind === 'error').length;
    if (ends > 1) found.push('more than one end');
    const endAt = kinds.findIndex((kind) => kind === 'end' || kind === 'error');
    if (endAt !== -1 && endAt !== kinds.length - 2) found.push('something came after the end');
    return found;
  }

  #join(kind: SinkCall['kind']): string {
    let text = '';
    for (const call of this.calls) if (call.kind === kind && 'text' in call) text += call.text;
    return text;
  }

  #record(call: SinkCall): void {
    this.calls.push(call);
    for (const waiter of this.#waiting) if (waiter.kind === call.kind) waiter.resolve();
    this.onCall?.(call);
  }
}
