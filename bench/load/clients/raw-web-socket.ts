import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { ignore } from './contract.ts';

/** What is read is handed on before the next read, so that all sockets share it. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
const maxHeaderBytes = 6 + 8;
/** RFC 6455, section 11.8. */
const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/**
 * The client's side of RFC 6455 and nothing more: no extensions, no fragments, masked with zeros. `ws` takes three times the
 * time of many a server for a handshake, and would be what is measured.
 */
export class RawWebSocket {
  readonly #socket: Socket;
  /** What is missing its end. */
  #rest: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #closeCode = 1006;
  #onOpen: () => void = ignore;
  #onFailure: (error: Error) => void = ignore;
  /** The bytes are valid within the call. */
  onMessage: (data: Buffer) => void = ignore;
  onClose: (code: number) => void = ignore;

  /** Resolves when the server has taken the handshake; rejects with its status where it has not. */
  static open(url: string, subprotocol?: string): Promise<RawWebSocket> {
    return new Promise((resolve, reject) => {
      const socket = new RawWebSocket(new URL(url), subprotocol);
      socket.#onOpen = () => resolve(socket);
      socket.#onFailure = reject;
    });
  }

  private constructor({ hostname, port, host, pathname }: URL, subprotocol: string | undefined) {
    this.#socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          this.#read(length);
          return true;
        },
      },
    });
    const key = randomBytes(16).toString('base64');
    const protocol = subprotocol === undefined ? '' : `sec-websocket-protocol: ${subprotocol}\r\n`;
    this.#socket.once('connect', () =>
      this.#socket.write(
        `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${protocol}\r\n`,
      ),
    );
    this.#socket.on('error', (error) => this.#onFailure(error));
    this.#socket.once('close', () => {
      this.#onFailure(new Error('The server closed a connection before its handshake was over.'));
      this.onClose(this.#closeCode);
    });
  }

  send(data: Uint8Array | string): void {
    const payload = typeof data === 'string' ? Buffer.from(data) : data;
    this.#write(typeof data === 'string' ? opcodes.text : opcodes.binary, payload);
  }

  /** Closes it without a word to the server. */
  terminate(): void {
    this.#socket.destroy();
  }

  #write(opcode: number, payload: Uint8Array): void {
    const frame = Buffer.allocUnsafe(maxHeaderBytes + payload.length);
    frame[0] = 0x80 | opcode;
    let at = 2;
    if (payload.length < 126) {
      frame[1] = 0x80 | payload.length;
    } else if (payload.length < 65_536) {
      frame[1] = 0x80 | 126;
      at = frame.writeUInt16BE(payload.length, at);
    } else {
      frame[1] = 0x80 | 127;
      at = frame.writeBigUInt64BE(BigInt(payload.length), at);
    }
    at = frame.writeUInt32BE(0, at);
    frame.set(payload, at);
    this.#socket.write(frame.subarray(0, at + payload.length));
  }

  #read(length: number): void {
    const read = readBuffer.subarray(0, length);
    const bytes = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read]);
    let from = this.#isOpen ? 0 : this.#readHandshake(bytes);
    while (this.#isOpen) {
      const next = this.#readFrame(bytes, from);
      if (next === from) break;
      from = next;
    }
    // a copy, as the next socket reads into the same memory
    this.#rest = from === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(from));
  }

  /** Answers where the first frame begins. */
  #readHandshake(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    const status = bytes.toString('latin1', 0, bytes.indexOf('\r\n')).split(' ')[1];
    if (status !== '101') {
      this.#onFailure(new Error(`The server answered a handshake with status ${status}.`));
      this.terminate();
      return bytes.length;
    }
    this.#isOpen = true;
    this.#onOpen();
    return end + 4;
  }

  /** Answers where the frame at `from` ends; `from` itself where it is not whole. */
  #readFrame(bytes: Buffer, from: number): number {
    if (bytes.length < from + 2) return from;
    let length = bytes[from + 1]! & 0x7f;
    let start = from + 2;
    if (length === 126) {
      if (bytes.length < from + 4) return from;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (bytes.length < from + 10) return from;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    const end = start + length;
    if (bytes.length < end) return from;
    const payload = bytes.subarray(start, end);
    const opcode = bytes[from]! & 0x0f;
    if ((bytes[from]! & 0x80) === 0) this.terminate();
    else if (opcode === opcodes.text || opcode === opcodes.binary) this.onMessage(payload);
    else if (opcode === opcodes.ping) this.#write(opcodes.pong, payload);
    else if (opcode === opcodes.close) {
      if (length >= 2) this.#closeCode = payload.readUInt16BE(0);
      this.#socket.end();
    }
    return end;
  }
}
