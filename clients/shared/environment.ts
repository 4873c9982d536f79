import type { Codec } from '../../protocol/codec.ts';

/** A socket as the core needs it. After `close` and `abandon` no handler is called. */
export interface ClientSocket {
  send(message: Uint8Array | string): void;
  /** Sends what is buffered, then the closing handshake. */
  close(): void;
  /** The other side is thought dead: lets go without a handshake. */
  abandon(): void;
}

export interface SocketHandlers {
  onOpen(): void;
  onMessage(message: Uint8Array | string): void;
  /** Once, last; `code` 1006 with a sentence in `reason` when no connection could be made. */
  onClose(code: number, reason: string): void;
}

export type OpenSocket = (url: string, protocols: string[], handlers: SocketHandlers) => ClientSocket;

export interface ClientTimer {
  cancel(): void;
}

/** All times in milliseconds. */
export interface ClientClock {
  /** Monotonic. */
  now(): number;
  setTimer(callback: () => void, delayMs: number): ClientTimer;
}

/** What the platform gives: injected, so that races are replayed in tests. */
export interface ClientEnvironment {
  codec: Codec;
  openSocket: OpenSocket;
  clock: ClientClock;
  /** In [0, 1). */
  random(): number;
  /** Makes ULIDs. */
  newId(): string;
}
