import { createUlidMaker } from '../../src/lib/ulid.ts';
import type { Client, ConnectOptions } from '../shared/api.ts';
import { connectClient } from '../shared/client-handle.ts';
import { socketUrl } from '../shared/socket-url.ts';
import { systemClock } from '../shared/system-clock.ts';
import { browserCodec } from './browser-codec.ts';
import { openBrowserSocket } from './browser-socket.ts';
import { watchPage } from './watch-page.ts';

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

/**
 * Connects over the browser's WebSocket. `url`: the gateway's `http(s)://` or `ws(s)://` base, or its socket path;
 * relative ones are resolved against the page. Rejects with `ParleyError` or with the signal's reason, throws `TypeError`
 * for a bad `url`.
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<Client> {
  const address = socketUrl(url, globalThis.location?.href);
  const client = await connectClient(
    address,
    { client: { name: 'parley-browser' }, ...options },
    {
      codec: browserCodec,
      openSocket: openBrowserSocket,
      clock: systemClock,
      random: Math.random,
      newId: createUlidMaker(Date.now),
    },
  );
  watchPage(client);
  return client;
}
