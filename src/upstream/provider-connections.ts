import type { LookupFunction, Socket } from 'node:net';
import { Client, type Dispatcher, Pool } from 'undici';
import { startReading, stopReading } from './socket-reading.ts';
import { createSocketOpener } from './socket-opener.ts';
import type { TlsSettings } from './tls-settings.ts';
import { createWarmSockets } from './warm-sockets.ts';

/** Ends the request and destroys its socket, in whatever phase it is. */
export interface ProviderController {
  abort(reason: Error): void;
  /** Leaves what comes in the kernel, where one call reads all of it, until `startReading`; neither is undone by itself. */
  stopReading(): void;
  startReading(): void;
}

export interface ProviderRequest {
  /** Default POST. */
  method?: 'GET' | 'POST' | undefined;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string | undefined;
}

/** One request as its connection lives it; exactly one of `onResponseEnd` and `onResponseError` comes, last. */
export interface ProviderHandler {
  /** A place in the pool was found; what follows is connecting or, on an idle connection, sending. */
  onDispatch(): void;
  /** A new connection is being made for this request; `destroy` gives it up. Comes again where one died unused. */
  onConnecting(destroy: (reason: Error) => void): void;
  onRequestStart(controller: ProviderController): void;
  onResponseStart(status: number, headers: Record<string, string | string[] | undefined>): void;
  onResponseData(bytes: Buffer): void;
  onResponseEnd(): void;
  onResponseError(error: Error): void;
}

export interface ConnectionOptions {
  /** Scheme, host and port. */
  origin: string;
  /** Whether addresses may be connected to that are not of the public internet. Default false. */
  allowPrivateNetwork?: boolean | undefined;
  tls?: TlsSettings | undefined;
  /** Default: the system's. */
  lookup?: LookupFunction | undefined;
  /** How many connections are kept open ahead of need once `warm` was called. Default 0. */
  prewarm?: number | undefined;
  /** How long an idle connection is kept, in milliseconds, unless the provider says less. Default 20 s. */
  keepAliveMs?: number | undefined;
}

/** Connections to one origin; whoever has one shares it with nobody meanwhile. */
export interface ProviderConnections {
  send(request: ProviderRequest, handler: ProviderHandler): void;
  /** Makes connections before they are needed, where that is asked for. */
  warm(onFailure: (error: Error) => void): void;
  close(): Promise<void>;
}

const usualKeepAliveMs = 20_000;

/** HTTP/1.1 connections to one origin: one answer per connection, so that giving up an answer is closing a socket. */
export function createProviderConnections(options: ConnectionOptions): ProviderConnections {
  const { keepAliveMs = usualKeepAliveMs, prewarm = 0 } = options;
  const origin = new URL(options.origin);
  const openSocket = createSocketOpener({
    allowPrivateNetwork: options.allowPrivateNetwork === true,
    tls: options.tls ?? {},
    lookup: options.lookup,
  });
  const warm = createWarmSockets({
    count: prewarm,
    maxIdleMs: keepAliveMs,
    open(callback) {
      const { host, protocol, port } = origin;
      const hostname = origin.hostname.replace(/^\[|\]$/g, '');
      return openSocket({ host, hostname, protocol, port }, (error, socket) => callback(error, socket));
    },
  });
  let dispatching: ProviderHandler | undefined;

  /**
   * undici cannot give up a request whose connection is still being made, so the socket is handed to its request here.
   * That request is known because a pool without a bound of its own dispatches at once, and without pipelining a
   * client has one request at a time.
   */
  function createClient(url: URL, clientOptions: object): Client {
    let handler: ProviderHandler | undefined;
    let socket: Socket | undefined;
    const client = new Client(url, {
      ...clientOptions,
      connect: (target, callback) => {
        const ready = warm.take();
        const opened = ready ?? openSocket(target, callback);
        if (opened === undefined) return;
        socket = opened;
        warm.count(opened);
        handler?.onConnecting((reason) => opened.destroy(reason));
        if (ready !== undefined) handOver(ready, callback);
      },
    });
    const dispatch = client.dispatch.bind(client);
    client.dispatch = (dispatchOptions, dispatchHandler) => {
      handler = dispatching;
      if (handler === undefined) return dispatch(dispatchOptions, dispatchHandler);
      return dispatch(
        dispatchOptions,
        dispatchHandlerOf(handler, () => socket),
      );
    };
    return client;
  }

  const pool = new Pool(options.origin, {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    factory: createClient,
  });

  return {
    send(request, handler) {
      handler.onDispatch();
      dispatching = handler;
      try {
        const { method = 'POST', path, headers, body } = request;
        pool.dispatch({ method, path, headers, body }, dispatchHandlerOf(handler));
      } finally {
        dispatching = undefined;
      }
    },
    warm(onFailure) {
      if (prewarm > 0) warm.start(onFailure);
    },
    async close() {
      warm.close();
      await pool.close();
    },
  };
}

/**
 * undici destroys the socket of an aborted request with an error after which it sends that request again, finds it
 * aborted, and has opened another connection for nothing. So the socket is destroyed before with the reason itself.
 */
function dispatchHandlerOf(handler: ProviderHandler, socketNow?: () => Socket | undefined): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      handler.onRequestStart({
        abort(reason) {
          socketNow?.()?.destroy(reason);
          controller.abort(reason);
        },
        stopReading: () => stopReading(socketNow?.()),
        startReading: () => startReading(socketNow?.()),
      });
    },
    onResponseStart: (_controller, status, headers) => handler.onResponseStart(status, headers),
    onResponseData: (_controller, bytes) => handler.onResponseData(bytes),
    onResponseEnd: () => handler.onResponseEnd(),
    onResponseError: (_controller, error) => handler.onResponseError(error),
  };
}

/** A socket that is open already; the client expects to hear of it later. */
function handOver(socket: Socket, callback: (...result: [Error, null] | [null, Socket]) => void): void {
  queueMicrotask(() => {
    if (socket.destroyed) callback(new Error('The connection was closed before it was used.'), null);
    else callback(null, socket);
  });
}
