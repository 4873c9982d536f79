import type { Dialect, OpenOptions, StreamClient } from './contract.ts';
import { openIdleConnection, openSseClient } from './sse-client.ts';
import { openJsonSocketClient, openParleyClient, openSocketIoClient } from './socket-clients.ts';

export function openClient(dialect: Dialect, options: OpenOptions): Promise<StreamClient> {
  switch (dialect.kind) {
    case 'sse':
      return openSseClient(dialect, options);
    case 'json-socket':
      return openJsonSocketClient(options);
    case 'socket.io':
      return openSocketIoClient(options);
    case 'parley':
      return openParleyClient(options);
  }
}

/** A connection that does nothing. Over HTTP, one that was used and is kept alive. */
export async function openIdle(dialect: Dialect, options: OpenOptions): Promise<{ isOpen(): boolean; close(): void }> {
  if (dialect.kind === 'sse') return openIdleConnection(dialect, options);
  const client = await openClient(dialect, options);
  return { isOpen: () => true, close: () => client.close() };
}

/** Opens as many, a few at a time. */
export async function openMany<Opened>(count: number, open: () => Promise<Opened>): Promise<Opened[]> {
  const opened: Opened[] = [];
  while (opened.length < count)
    opened.push(...(await Promise.all(Array.from({ length: Math.min(100, count - opened.length) }, open))));
  return opened;
}
