import { onTestFinished } from 'vitest';
import { connect as connectBrowser } from '../../../../clients/browser/index.ts';
import {
  type Client,
  connect as connectNode,
  type ConnectionState,
  type NodeConnectOptions,
  type Session,
} from '../../../../clients/node/index.ts';
import type { Encoding } from '../../../../protocol/version.ts';

/** Every transport with every client and encoding. */
export const clientMatrix: { transport: 'uws' | 'ws'; encoding: Encoding }[] = [
  { transport: 'uws', encoding: 'msgpack' },
  { transport: 'uws', encoding: 'json' },
  { transport: 'ws', encoding: 'msgpack' },
  { transport: 'ws', encoding: 'json' },
];

/** A client closed at the end of the test. */
export async function openClient(url: string, options: NodeConnectOptions = {}): Promise<Client> {
  const client = await connectNode(url, options);
  onTestFinished(async () => void (await client.close()));
  return client;
}

/** The browser's client over the platform's own WebSocket class (of `ws` where there is none). */
export async function openBrowserClient(url: string): Promise<Client> {
  const client = await connectBrowser(url);
  onTestFinished(async () => void (await client.close()));
  return client;
}

/** When the replay of a session is over. */
export function whenLive(session: Session): Promise<void> {
  if (session.live) return Promise.resolve();
  return new Promise((resolve) => session.on('live', () => resolve()));
}

export function whenState(client: Client, state: ConnectionState): Promise<void> {
  if (client.state === state) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = client.on('state', (now) => {
      if (now !== state) return;
      stop();
      resolve();
    });
  });
}
