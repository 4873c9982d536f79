import type { Encoding } from '../../protocol/version.ts';

/** Result of a send: `dropped` means that the bytes are gone and the socket cannot be used any further. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/** One WebSocket, whatever library it comes from. All methods are safe on a closed socket. */
export interface Socket {
  readonly encoding: Encoding;
  readonly upgrade: UpgradeInfo;
  send(data: Uint8Array | string): SendResult;
  /** Bytes that the peer has not taken yet. */
  bufferedBytes(): number;
  /** Groups the sends of `action` into as few system calls as possible. */
  cork(action: () => void): void;
  /** Starts the closing handshake. */
  close(code: number, reason: string): void;
  /** Drops the connection. */
  terminate(): void;
}

/** What is known of a connection from its HTTP request. */
export interface UpgradeInfo {
  remoteAddress: string;
  origin: string | undefined;
  authorization: string | undefined;
  /** The `ticket.…` entry of the subprotocol list. */
  ticket: string | undefined;
}

/** The protocol's side of a socket. `data` is only valid during the call. */
export interface SocketHandler {
  onMessage(data: Uint8Array | string): void;
  /** The buffered bytes went down to a level where sending makes sense again. */
  onDrain(): void;
  onClose(code: number): void;
}

/** A plain HTTP request. Everything of it stays valid until it is answered. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** As it was sent, without the question mark; empty when there is none. */
  readonly query: string;
  readonly remoteAddress: string;
  /** Aborted when the client goes away before it has the whole answer. */
  readonly signal: AbortSignal;
  header(name: string): string | undefined;
  /** All of the body, up to `maxBodyBytes`. Throws `BodyError`. */
  body(): Promise<Uint8Array>;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  /** Chunks are asked for as the client takes them; a failure among them cuts the connection. */
  body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** The body of a request did not come as it may; the answer to such a request closes its connection. */
export class BodyError extends Error {
  readonly problem: 'too_large' | 'too_slow' | 'aborted';

  constructor(problem: BodyError['problem']) {
    super(`the body of a request: ${problem}`);
    this.name = 'BodyError';
    this.problem = problem;
  }
}

export interface TransportLimits {
  /** Largest message from a client, bytes. */
  maxMessageBytes: number;
  /** Bytes buffered for one socket beyond which it is cut. */
  maxBufferedBytes: number;
  /** A socket whose peer sends nothing, not even a pong, for this long is closed (half-open connections). */
  idleTimeoutSeconds: number;
  maxSockets: number;
  maxSocketsPerAddress: number;
  /** Largest body of an HTTP request, bytes. */
  maxBodyBytes: number;
  /** It must be there after this, milliseconds. */
  bodyMs: number;
}

export interface TransportOptions {
  host: string;
  port: number;
  /** Other processes listen on the port too, and the kernel spreads the connections; uWebSockets.js alone does that. */
  sharePort?: boolean | undefined;
  /** PEM files. */
  tls?: { certificateFile: string; keyFile: string } | undefined;
  limits: TransportLimits;
  /** Origins of pages that may connect; requests without an Origin (not from a browser) always may. */
  isOriginAllowed(origin: string, host: string | undefined): boolean;
  onSocket(socket: Socket): SocketHandler;
  /** An answer that is there at once costs no copy of the request. A promise must not reject. */
  onRequest(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
  /** Sockets refused before they were one: for the log and metrics. */
  onRefused(reason: 'origin' | 'sockets' | 'address' | 'path'): void;
}

export interface Transport {
  readonly kind: 'uws' | 'ws';
  readonly port: number;
  /** No new connections; those that are open stay. */
  stopListening(): void;
  /** Drops what is still open. */
  close(): Promise<void>;
}

/** Bytes buffered for a socket above which it counts as congested, and below which it is drained. */
export const congestedBytes = 256 * 1024;
export const drainedBytes = 64 * 1024;
