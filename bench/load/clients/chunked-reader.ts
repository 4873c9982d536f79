export interface ResponseHandlers {
  onStatus(status: number): void;
  onBody(part: string): void;
  onEnd(): void;
}

/** Reads the answers of one HTTP/1.1 connection, one after another (RFC 9112): chunked bodies and those with a length. */
export class ChunkedReader {
  readonly #handlers: ResponseHandlers;
  #received = '';
  /** Of the running body; undefined while its head is read. */
  #body: { isChunked: boolean; left: number } | undefined;

  constructor(handlers: ResponseHandlers) {
    this.#handlers = handlers;
  }

  feed(data: Buffer): void {
    this.#received += data.toString('latin1');
    while (this.#body === undefined ? this.#readHead() : this.#body.isChunked ? this.#readChunk() : this.#readPlain());
  }

  #readHead(): boolean {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + 4);
    const left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    this.#body = { isChunked: /\r\ntransfer-encoding: *chunked/i.test(head), left };
    this.#handlers.onStatus(Number(head.slice(9, 12)));
    if (!this.#body.isChunked && left === 0) this.#end();
    return this.#received !== '';
  }

  #readChunk(): boolean {
    const sizeEnd = this.#received.indexOf('\r\n');
    if (sizeEnd < 0) return false;
    const size = Number.parseInt(this.#received, 16);
    const end = sizeEnd + 2 + size;
    if (this.#received.length < end + 2) return false;
    if (size > 0) this.#handlers.onBody(this.#received.slice(sizeEnd + 2, end));
    this.#received = this.#received.slice(end + 2);
    if (size === 0) this.#end();
    return this.#received !== '';
  }

  #readPlain(): boolean {
    const body = this.#body!;
    const part = this.#received.slice(0, body.left);
    this.#received = this.#received.slice(part.length);
    body.left -= part.length;
    this.#handlers.onBody(part);
    if (body.left === 0) this.#end();
    return this.#received !== '';
  }

  #end(): void {
    this.#body = undefined;
    this.#handlers.onEnd();
  }
}
