import { codecFor } from '../../protocol/codec.ts';
import type { Encoding } from '../../protocol/version.ts';
import { createUlidMaker } from '../../src/lib/ulid.ts';
import type { Client, ConnectOptions } from '../shared/api.ts';
import { connectClient } from '../shared/client-handle.ts';
import { socketUrl } from '../shared/socket-url.ts';
import { systemClock } from '../shared/system-clock.ts';
import { openNodeSocket } from './node-socket.ts';

export type {
  AuthSource,
  CancelOptions,
  Client,
  ClientEvents,
  ConnectOptions,
  HistoryOptions,
  HistoryPage,
  SendInput,
  SendOptions,
  Session,
  SessionEvents,
  SessionOptions,
  SessionPresence,
  ToolOutcome,
  Turn,
  TurnPart,
  TurnProgress,
  TurnResult,
  TurnToolCall,
  TurnWindow,
  UnsentTurn,
} from '../shared/api.ts';
export type { ConnectionState } from '../shared/connection-state.ts';
export { ParleyError, type ParleyErrorCode } from '../shared/parley-error.ts';

export interface NodeConnectOptions extends ConnectOptions {
  /** Default: msgpack. */
  encoding?: Encoding | undefined;
}

/**
 * Connects over `ws`. `url`: the gateway's `http(s)://` or `ws(s)://` base, or its full socket address. Rejects with
 * `ParleyError` or with the signal's reason, with `TypeError` for a bad `url`.
 */
export async function connect(
  url: string | URL,
  { encoding = 'msgpack', ...options }: NodeConnectOptions = {},
): Promise<Client> {
  return connectClient(
    socketUrl(url),
    { client: { name: 'parley-node' }, ...options },
    {
      codec: codecFor(encoding),
      openSocket: openNodeSocket,
      clock: systemClock,
      random: Math.random,
      newId: createUlidMaker(Date.now),
    },
  );
}
