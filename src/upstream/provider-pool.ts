import type { Socket } from 'node:net';
import { buildConnector, Client, Pool } from 'undici';
import { createSlots, type Slot } from './slots.ts';

/** Ends the request and destroys its socket, in whatever phase it is. */
export interface ProviderController {
  abort(reason: Error): void;
}

export interface ProviderRequest {
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** One request as its connection lives it; exactly one of `onResponseEnd` and `onResponseError` comes, last. */
export interface ProviderHandler {
  /** A place in the pool was found; what follows is connecting or, on an idle connection, sending. */
  onDispatch(): void;
  /** A new connection is being made for this request; `destroy` gives it up. Comes again where one died unused. */
  onConnecting(destroy: (reason: Error) => void): void;
  onRequestStart(controller: ProviderController): void;
  onResponseStart(
    controller: ProviderController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void;
  onResponseData(controller: ProviderController, bytes: Buffer): void;
  onResponseEnd(controller: ProviderController): void;
  onResponseError(controller: ProviderController, error: Error): void;
}

export interface ProviderPool {
  /** Sends a POST. The slot must be released when the answer is over; before `onDispatch` that cancels the request. */
  post(request: ProviderRequest, handler: ProviderHandler): Slot;
  /** Refuses new requests and resolves when the running ones are over. */
  close(): Promise<void>;
}

export interface ProviderPoolOptions {
  /** Scheme, host and port. */
  origin: string;
  /** Most answers in flight; more wait in line. Default: no bound. */
  connections?: number | undefined;
  /** How long an idle connection is kept, in milliseconds, unless the provider says less. */
  keepAliveMs?: number | undefined;
}

/** HTTP/1.1 connections to one origin: one answer per connection, so that giving up an answer is closing a socket. */
export function createProviderPool(options: ProviderPoolOptions): ProviderPool {
  const slots = createSlots(options.connections ?? Number.POSITIVE_INFINITY);
  const connectSocket = buildConnector({ timeout: 0 });
  let dispatching: ProviderHandler | undefined;
  let closing: Promise<void> | undefined;

  /**
   * undici cannot give up a request whose connection is still being made, so the socket is handed to its request here.
   * That request is known because a pool without a bound of its own dispatches at once, and without pipelining a
   * client has one request at a time.
   */
  function createClient(origin: URL, clientOptions: object): Client {
    let handler: ProviderHandler | undefined;
    const client = new Client(origin, {
      ...clientOptions,
      connect: (target, callback) => {
        // The connector returns the socket it is connecting, although its type does not say so.
        const socket = connectSocket(target, callback) as unknown as Socket | undefined;
        if (socket !== undefined) handler?.onConnecting((reason) => socket.destroy(reason));
      },
    });
    const dispatch = client.dispatch.bind(client);
    client.dispatch = (dispatchOptions, dispatchHandler) => {
      handler = dispatching;
      return dispatch(dispatchOptions, dispatchHandler);
    };
    return client;
  }

  const pool = new Pool(options.origin, {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: options.keepAliveMs ?? 20_000,
    factory: createClient,
  });

  return {
    post(request, handler) {
      return slots.take(() => {
        handler.onDispatch();
        dispatching = handler;
        try {
          pool.dispatch({ method: 'POST', ...request }, handler);
        } finally {
          dispatching = undefined;
        }
      });
    },
    close() {
      closing ??= pool.close();
      return closing;
    },
  };
}
