import { connect, type Socket } from 'node:net';
import { ChunkedReader } from './chunked-reader.ts';
import { type Dialect, ignore, type OpenOptions, type StreamClient } from './contract.ts';

type SseDialect = Extract<Dialect, { kind: 'sse' }>;

/** In either dialect the text of a token has a key of its own, and the benches' texts need no escapes. */
const textPatterns = {
  'chat-completions': /"content":"([^"]+)"/g,
  'ui-messages': /"delta":"([^"]+)"/g,
} as const;

/** Opens a connection and nothing else. */
export async function openSseClient(dialect: SseDialect, { url, onFailure }: OpenOptions): Promise<StreamClient> {
  const address = new URL(url);
  const socket = connect({ host: address.hostname, port: Number(address.port), noDelay: true });
  await opened(socket);
  const prefix = address.pathname.replace(/\/$/, '');
  const pattern = textPatterns[dialect.body];
  const head = `POST ${prefix}${dialect.path} HTTP/1.1\r\nhost: ${address.host}\r\ncontent-type: application/json\r\n${Object.entries(
    dialect.headers,
  )
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}content-length: `;
  let unread = '';
  let isClosing = false;
  const client: StreamClient = {
    tokens: 0,
    onText: ignore,
    onEnd: ignore,
    start(input) {
      const body = requestBody(dialect.body, input);
      socket.write(`${head}${body.length}\r\n\r\n${body}`);
    },
    cancel: close,
    close,
  };
  const reader = new ChunkedReader({
    onStatus(status) {
      if (status !== 200) onFailure(new Error(`The server answered with status ${status}.`));
    },
    onBody(part) {
      const text = unread + part;
      const end = text.lastIndexOf('\n') + 1;
      unread = text.slice(end);
      for (const [, token] of text.slice(0, end).matchAll(pattern)) {
        client.tokens++;
        client.onText(token!);
      }
    },
    onEnd: () => client.onEnd(),
  });
  socket.on('data', (data) => reader.feed(data));
  socket.on('error', ignore);
  socket.on('close', () => {
    if (!isClosing) onFailure(new Error('The server closed a connection.'));
  });
  return client;

  function close(): void {
    isClosing = true;
    socket.destroy();
  }
}

/** A connection that has been used once and is kept alive; whether it still stands. */
export async function openIdleConnection(
  dialect: SseDialect,
  { url }: OpenOptions,
): Promise<{ isOpen(): boolean; close(): void }> {
  const address = new URL(url);
  const socket = connect({ host: address.hostname, port: Number(address.port), noDelay: true });
  await opened(socket);
  socket.on('error', ignore);
  await new Promise<void>((resolve, reject) => {
    socket.once('close', () => reject(new Error('The server closed a connection.')));
    const reader = new ChunkedReader({ onStatus: ignore, onBody: ignore, onEnd: resolve });
    socket.on('data', (data) => reader.feed(data));
    socket.write(`GET ${dialect.idlePath} HTTP/1.1\r\nhost: ${address.host}\r\n\r\n`);
  });
  return { isOpen: () => socket.readyState === 'open', close: () => socket.destroy() };
}

function requestBody(kind: SseDialect['body'], input: string): string {
  return JSON.stringify(
    kind === 'chat-completions'
      ? { model: 'bench', stream: true, messages: [{ role: 'user', content: input }] }
      : { messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: input }] }] },
  );
}

function opened(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
}
