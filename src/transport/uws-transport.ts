import { type AddressInfo, connect, createServer } from 'node:net';
import { socketPath } from '../../protocol/version.ts';
import { SocketAdmission } from './admission.ts';
import { portTaken } from './port-taken.ts';
import type { Socket, SocketHandler, Transport, TransportOptions, UpgradeInfo } from './contract.ts';
import { drainedBytes } from './contract.ts';
import { answerUwsRequest, refuseUwsUpgrade } from './uws-http.ts';
import type { UwsApp, UwsModule, UwsRequest, UwsResponse, UwsSocket } from './uws-types.ts';

interface UserData {
  encoding: 'msgpack' | 'json';
  upgrade: UpgradeInfo;
  socket: UwsSocketAdapter;
  handler: SocketHandler;
}

/** `LIBUS_LISTEN_DEFAULT`. The exclusive kind cannot listen for a minute where connections of a process before have just ended. */
const listenDefault = 0;

/** Loads uWebSockets.js: named exports or a default export, whichever the installed package has. Throws where it has no binary. */
export async function loadUws(): Promise<UwsModule> {
  // by a variable, so that the types of the optional package are not needed to compile
  const name = 'uWebSockets.js';
  const loaded = (await import(name)) as { App?: unknown; default?: unknown };
  const module = (typeof loaded.App === 'function' ? loaded : loaded.default) as UwsModule | undefined;
  if (typeof module?.App !== 'function') throw new Error('the module has no App');
  return module;
}

/** Serves sockets and pages through uWebSockets.js. Throws when the port is taken. */
export async function startUwsTransport(uws: UwsModule, options: TransportOptions): Promise<Transport> {
  const { limits, tls } = options;
  const admission = new SocketAdmission(options);
  const app: UwsApp = tls ? uws.SSLApp({ cert_file_name: tls.certificateFile, key_file_name: tls.keyFile }) : uws.App();

  app.ws('/*', {
    // somewhat more than is accepted, so that an oversize message gets its own close code
    maxPayloadLength: limits.maxMessageBytes * 2,
    maxBackpressure: limits.maxBufferedBytes,
    closeOnBackpressureLimit: false,
    idleTimeout: limits.idleTimeoutSeconds,
    sendPingsAutomatically: true,
    compression: 0,
    maxLifetime: 0,
    upgrade(response: UwsResponse, request: UwsRequest, context: unknown) {
      const address = addressOf(response);
      const decision = admission.decide(
        {
          path: request.getUrl(),
          address,
          origin: request.getHeader('origin') || undefined,
          host: request.getHeader('host') || undefined,
          protocols: request.getHeader('sec-websocket-protocol'),
        },
        socketPath,
      );
      if (!decision.admitted) {
        refuseUwsUpgrade(response, decision.status, decision.reason);
        return;
      }
      const upgrade: UpgradeInfo = {
        remoteAddress: address,
        origin: request.getHeader('origin') || undefined,
        authorization: request.getHeader('authorization') || undefined,
        ticket: decision.ticket,
      };
      response.upgrade(
        { encoding: decision.encoding, upgrade },
        request.getHeader('sec-websocket-key'),
        decision.subprotocol ?? '',
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open(raw: UwsSocket) {
      const data = raw.getUserData() as UserData;
      admission.opened(data.upgrade.remoteAddress);
      data.socket = new UwsSocketAdapter(raw, data.encoding, data.upgrade);
      data.handler = options.onSocket(data.socket);
    },
    message(raw: UwsSocket, message: ArrayBuffer, isBinary: boolean) {
      const bytes = new Uint8Array(message);
      (raw.getUserData() as UserData).handler.onMessage(isBinary ? bytes : Buffer.from(message).toString('utf8'));
    },
    drain(raw: UwsSocket) {
      if (raw.getBufferedAmount() <= drainedBytes) (raw.getUserData() as UserData).handler.onDrain();
    },
    close(raw: UwsSocket, code: number) {
      const data = raw.getUserData() as UserData;
      data.socket.markClosed();
      admission.closed(data.upgrade.remoteAddress);
      data.handler.onClose(code);
    },
  });

  app.any('/*', (response, request) => answerUwsRequest(options, response, request, addressOf(response)));

  // a free port is chosen here: uWebSockets.js would take one that cannot be listened on again right after its end
  const wanted = options.port === 0 ? await freePort(options.host) : options.port;
  if (options.sharePort !== true) await checkPortIsFree(options.host, wanted);
  let token: unknown = await new Promise((resolve) => app.listen(options.host, wanted, listenDefault, resolve));
  if (!token) throw portTaken(options.host, options.port);
  const port = uws.us_socket_local_port(token);
  const stopListening = (): void => {
    if (token) uws.us_listen_socket_close(token);
    token = undefined;
  };
  return {
    kind: 'uws',
    port,
    stopListening,
    async close() {
      stopListening();
      app.close();
    },
  };
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(portTaken(host, 0, cause)));
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * uWebSockets.js shares a port with whoever else listens on it: a second gateway would silently get half of the
 * connections. Whether somebody does is asked by connecting; trying to listen would fail on connections that just ended.
 */
async function checkPortIsFree(host: string, port: number): Promise<void> {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const isTaken = await new Promise<boolean>((resolve) => {
    const probe = connect({ host: reachable, port, timeout: 1_000 });
    const settle = (taken: boolean): void => {
      probe.destroy();
      resolve(taken);
    };
    probe.once('connect', () => settle(true));
    probe.once('error', () => settle(false));
    probe.once('timeout', () => settle(false));
  });
  if (isTaken) throw portTaken(host, port);
}

class UwsSocketAdapter implements Socket {
  readonly encoding: 'msgpack' | 'json';
  readonly upgrade: UpgradeInfo;
  #raw: UwsSocket | undefined;

  constructor(raw: UwsSocket, encoding: 'msgpack' | 'json', upgrade: UpgradeInfo) {
    this.#raw = raw;
    this.encoding = encoding;
    this.upgrade = upgrade;
  }

  /** uWebSockets.js throws when a closed socket is touched. */
  markClosed(): void {
    this.#raw = undefined;
  }

  send(data: Uint8Array | string): 'sent' | 'queued' | 'dropped' {
    const result = this.#raw?.send(data, typeof data !== 'string', false);
    return result === 1 ? 'sent' : result === 0 ? 'queued' : 'dropped';
  }

  bufferedBytes(): number {
    return this.#raw?.getBufferedAmount() ?? 0;
  }

  cork(action: () => void): void {
    if (this.#raw === undefined) action();
    else this.#raw.cork(action);
  }

  close(code: number, reason: string): void {
    this.#raw?.end(code, reason);
  }

  terminate(): void {
    this.#raw?.close();
  }
}

function addressOf(response: UwsResponse): string {
  const text = Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
  // an IPv4 address seen through an IPv6 socket
  const mapped = /^0000:0000:0000:0000:0000:ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/.exec(text);
  return mapped === null
    ? text
    : mapped
        .slice(1)
        .map((byte) => Number.parseInt(byte, 16))
        .join('.');
}
