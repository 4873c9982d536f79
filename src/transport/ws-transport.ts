import { readFileSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  STATUS_CODES,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { socketPath } from '../../protocol/version.ts';
import { SocketAdmission } from './admission.ts';
import { answerNodeRequest, splitUrl } from './node-http.ts';
import { portTaken } from './port-taken.ts';
import type { Socket, SocketHandler, Transport, TransportOptions, UpgradeInfo } from './contract.ts';
import { congestedBytes, drainedBytes } from './contract.ts';

/** Serves sockets and pages through node:http and `ws`. Throws when the port is taken. */
export async function startWsTransport(options: TransportOptions): Promise<Transport> {
  const { limits, tls } = options;
  const admission = new SocketAdmission(options);
  const sockets = new Set<WsSocketAdapter>();
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // somewhat more than is accepted, so that an oversize message gets its own close code
    maxPayload: limits.maxMessageBytes * 2,
    perMessageDeflate: false,
    skipUTF8Validation: false,
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    answerNodeRequest(options, request, response, plainAddress(request.socket.remoteAddress ?? ''));
  const server: Server = tls
    ? createHttpsServer({ cert: readFileSync(tls.certificateFile), key: readFileSync(tls.keyFile) }, onRequest)
    : createHttpServer(onRequest);
  // a slow body has a deadline of its own, whose answer says so
  server.requestTimeout = limits.bodyMs + 10_000;
  server.headersTimeout = 10_000;

  server.on('upgrade', (request: IncomingMessage, net: NetSocket, head: Buffer) => {
    const address = plainAddress(net.remoteAddress ?? '');
    const decision = admission.decide(
      {
        path: splitUrl(request).path,
        address,
        origin: request.headers.origin,
        host: request.headers.host,
        protocols: request.headers['sec-websocket-protocol'] ?? '',
      },
      socketPath,
    );
    if (!decision.admitted) return refuse(net, decision.status, decision.reason);
    // ws would echo the first entry offered, which may be a ticket
    if (decision.subprotocol === undefined) delete request.headers['sec-websocket-protocol'];
    else request.headers['sec-websocket-protocol'] = decision.subprotocol;
    const upgrade: UpgradeInfo = {
      remoteAddress: address,
      origin: request.headers.origin,
      authorization: request.headers.authorization,
      ticket: decision.ticket,
    };
    webSockets.handleUpgrade(request, net, head, (raw) => {
      net.setNoDelay(true);
      admission.opened(address);
      const socket = new WsSocketAdapter(raw, net, decision.encoding, upgrade, limits.maxBufferedBytes);
      sockets.add(socket);
      const handler = options.onSocket(socket);
      socket.handler = handler;
      raw.on('message', (data: Buffer, isBinary: boolean) => {
        socket.alive = true;
        handler.onMessage(isBinary ? data : data.toString('utf8'));
      });
      raw.on('pong', () => {
        socket.alive = true;
      });
      // an oversize or malformed message: ws closes by itself
      raw.on('error', () => {});
      raw.on('close', (code) => {
        sockets.delete(socket);
        admission.closed(address);
        handler.onClose(code);
      });
    });
  });

  // two beats without a sign of life make a half-open connection
  const heartbeat = setInterval(
    () => {
      for (const socket of sockets) socket.beat();
    },
    (limits.idleTimeoutSeconds * 1000) / 2,
  );
  heartbeat.unref();

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(portTaken(options.host, options.port, cause)));
    server.listen(options.port, options.host, resolve);
  });
  return {
    kind: 'ws',
    port: (server.address() as AddressInfo).port,
    stopListening: () => void server.close(),
    async close() {
      clearInterval(heartbeat);
      for (const socket of sockets) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

class WsSocketAdapter implements Socket {
  readonly encoding: 'msgpack' | 'json';
  readonly upgrade: UpgradeInfo;
  alive = true;
  handler: SocketHandler | undefined;
  readonly #raw: WebSocket;
  readonly #net: NetSocket;
  readonly #maxBufferedBytes: number;
  #awaitsDrain = false;

  constructor(
    raw: WebSocket,
    net: NetSocket,
    encoding: 'msgpack' | 'json',
    upgrade: UpgradeInfo,
    maxBufferedBytes: number,
  ) {
    this.#raw = raw;
    this.#net = net;
    this.encoding = encoding;
    this.upgrade = upgrade;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  send(data: Uint8Array | string): 'sent' | 'queued' | 'dropped' {
    if (this.#raw.readyState !== WebSocket.OPEN) return 'dropped';
    const buffered = this.#raw.bufferedAmount;
    if (buffered > this.#maxBufferedBytes) return 'dropped';
    // a callback per message costs, and only a congested socket has something to wait for
    if (buffered > drainedBytes) this.#raw.send(data, this.#onFlushed);
    else this.#raw.send(data);
    this.#awaitsDrain ||= this.#raw.bufferedAmount > congestedBytes;
    if (this.#awaitsDrain && buffered <= drainedBytes) this.#raw.ping('', undefined, this.#onFlushed);
    return this.#raw.bufferedAmount > 0 ? 'queued' : 'sent';
  }

  bufferedBytes(): number {
    return this.#raw.bufferedAmount;
  }

  cork(action: () => void): void {
    this.#net.cork();
    try {
      action();
    } finally {
      this.#net.uncork();
    }
  }

  close(code: number, reason: string): void {
    if (this.#raw.readyState === WebSocket.OPEN) this.#raw.close(code, reason);
  }

  terminate(): void {
    this.#raw.terminate();
  }

  beat(): void {
    if (!this.alive) return this.#raw.terminate();
    this.alive = false;
    if (this.#raw.readyState === WebSocket.OPEN) this.#raw.ping();
  }

  readonly #onFlushed = (): void => {
    if (!this.#awaitsDrain || this.#raw.bufferedAmount > drainedBytes) return;
    this.#awaitsDrain = false;
    this.handler?.onDrain();
  };
}

function refuse(net: NetSocket, status: number, reason: string): void {
  const body = `${reason}\n`;
  net.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
