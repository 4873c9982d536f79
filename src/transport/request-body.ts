import { BodyError } from './contract.ts';

/** Gathers the body of one request, within a size and a time. */
export class RequestBody {
  readonly #maxBytes: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #whole: Promise<Uint8Array>;
  #settle!: { resolve(body: Uint8Array): void; reject(error: BodyError): void };
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isComplete = false;
  #hasFailed = false;

  /** `declaredBytes`: what the request says; NaN where it does not. */
  constructor(maxBytes: number, maxMs: number, declaredBytes: number) {
    this.#maxBytes = maxBytes;
    this.#whole = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // a request that nobody reads the body of is no failure
    this.#whole.catch(() => {});
    if (declaredBytes > maxBytes) this.fail('too_large');
    else if (declaredBytes === 0) this.end();
    else this.#timer = setTimeout(() => this.fail('too_slow'), maxMs);
  }

  /** Whether all of it has come: otherwise what is still on its way would be taken for the next request. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** `chunk` must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#hasFailed) return;
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#maxBytes) return this.fail('too_large');
    this.#chunks.push(chunk);
  }

  end(): void {
    this.#isComplete = true;
    clearTimeout(this.#timer);
    this.#settle.resolve(this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks));
  }

  fail(problem: BodyError['problem']): void {
    this.#hasFailed = true;
    this.#chunks = [];
    clearTimeout(this.#timer);
    this.#settle.reject(new BodyError(problem));
  }

  read(): Promise<Uint8Array> {
    return this.#whole;
  }
}

/** Size of a body as the headers say; NaN: one that comes in chunks. */
export function declaredBytes(header: (name: string) => string | undefined): number {
  if (header('transfer-encoding') !== undefined) return Number.NaN;
  const text = header('content-length');
  return text === undefined ? 0 : Number(text);
}
