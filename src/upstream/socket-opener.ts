import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import { checkLiteralHost, createPublicLookup } from './address-policy.ts';
import type { TlsSettings } from './tls-settings.ts';

/** Where a socket goes. */
export type SocketTarget = Parameters<ReturnType<typeof buildConnector>>[0];
export type SocketCallback = Parameters<ReturnType<typeof buildConnector>>[1];
/** Answers the socket that is being connected, to be destroyed when nobody wants it any more. */
export type OpenSocket = (target: SocketTarget, callback: SocketCallback) => Socket | undefined;

export interface SocketOptions {
  allowPrivateNetwork: boolean;
  tls: TlsSettings;
  /** Default: the system's. */
  lookup: LookupFunction | undefined;
}

/** Opens sockets to providers, to addresses that are allowed. */
export function createSocketOpener(options: SocketOptions): OpenSocket {
  const { allowPrivateNetwork, tls, lookup } = options;
  const connect = buildConnector({
    // the answer's own watchdog bounds it
    timeout: 0,
    lookup: allowPrivateNetwork ? lookup : createPublicLookup(lookup),
    allowH2: false,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
  });
  return (target, callback) => {
    try {
      // no lookup is asked for an address
      if (!allowPrivateNetwork) checkLiteralHost(target.hostname);
    } catch (error) {
      queueMicrotask(() => callback(error as Error, null));
      return undefined;
    }
    const named = tls.servername === undefined ? target : { ...target, servername: tls.servername };
    // the connector answers the socket it is connecting, although its type does not say so
    return connect(named, callback) as unknown as Socket;
  };
}
