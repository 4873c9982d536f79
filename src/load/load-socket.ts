import { WebSocket } from 'ws';
import {
  type DownFrame,
  msgpackCodec,
  parseDownFrame,
  socketPath,
  subprotocols,
  type UpFrame,
} from '../../protocol/index.ts';

export interface LoadSocketHandlers {
  onOpen(): void;
  /** `atMs`: of `performance.now()`, when the message was read. */
  onFrame(frame: DownFrame, atMs: number): void;
  onMessage(bytes: number): void;
  /** Of bytes that are no frames. */
  onInvalid(): void;
  /** Once, at the end; `failure` where the connection could not be made or broke, such as ECONNREFUSED. */
  onClose(code: number, failure: string | undefined): void;
}

export interface LoadSocket {
  /** Answers the bytes. */
  send(frames: UpFrame | UpFrame[]): number;
  /** Stops reading: what comes waits in the kernel. */
  pause(): void;
  resume(): void;
  /** Without a closing handshake, as when a network is lost. */
  drop(): void;
  close(): void;
}

export type OpenLoadSocket = (handlers: LoadSocketHandlers) => LoadSocket;

const handshakeTimeoutMs = 60_000;

/** Opens sockets to one gateway. `localAddress`: where from; one address has some 28,000 ports towards one server. */
export function loadSockets(url: string, localAddress: string | undefined): OpenLoadSocket {
  const address = new URL(socketPath, url.replace(/^http/, 'ws'));
  return (handlers) => {
    const socket = new WebSocket(address, subprotocols.msgpack, {
      perMessageDeflate: false,
      handshakeTimeout: handshakeTimeoutMs,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    let failure: string | undefined;
    socket.on('open', () => handlers.onOpen());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? refusalOf(error.message);
    });
    socket.on('close', (code: number) => handlers.onClose(code, failure));
    socket.on('message', (data: Buffer) => {
      const atMs = performance.now();
      handlers.onMessage(data.length);
      let frames: unknown[];
      try {
        frames = msgpackCodec.decode(data);
      } catch {
        return handlers.onInvalid();
      }
      for (const frame of frames) {
        const checked = checkFrame(frame);
        if (checked === 'invalid') handlers.onInvalid();
        else if (checked !== undefined) handlers.onFrame(checked, atMs);
      }
    });
    return {
      send(frames) {
        const bytes = msgpackCodec.encode(frames) as Uint8Array;
        if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
        return bytes.length;
      },
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      drop: () => socket.terminate(),
      close: () => socket.close(),
    };
  };
}

/** “Unexpected server response: 503”. */
function refusalOf(message: string): string {
  const status = /response: (\d{3})/.exec(message)?.[1];
  return status === undefined ? 'connection_failed' : `http_${status}`;
}

/** Deltas, which are nearly all frames, by hand: the schema would cost more than decoding. */
function checkFrame(frame: unknown): DownFrame | 'invalid' | undefined {
  const { t } = (frame ?? {}) as { t?: unknown };
  if (t === 'delta') {
    const { s, pos, turn, text, tokens, kind } = frame as Record<string, unknown>;
    const isWhole = Number.isSafeInteger(s) && Number.isSafeInteger(pos) && Number.isSafeInteger(tokens);
    const isText = typeof text === 'string' && text !== '' && typeof turn === 'string';
    return isWhole && isText && (kind === undefined || kind === 'reasoning') ? (frame as DownFrame) : 'invalid';
  }
  try {
    return parseDownFrame(frame);
  } catch {
    return 'invalid';
  }
}
