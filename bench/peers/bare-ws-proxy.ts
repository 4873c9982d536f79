import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createParser } from 'eventsource-parser';
import { Pool } from 'undici';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The least a proxy can do, as a baseline: `ws` and undici, each upstream chunk parsed and its text sent on as one JSON
 * message. No session, no log, no counting, no limits. A message `{turn}` starts a stream, `{cancel}` ends it.
 */
const upstream = new URL(process.argv[2]!);
const pool = new Pool(upstream.origin, { connections: null, bodyTimeout: 0, headersTimeout: 0 });
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket: WebSocket) => {
  const running = new Map<string, AbortController>();
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { turn?: string; cancel?: string };
    if (message.cancel !== undefined) return running.get(message.cancel)?.abort();
    const turn = message.turn ?? randomUUID();
    const controller = new AbortController();
    running.set(turn, controller);
    void stream(socket, turn, controller).finally(() => running.delete(turn));
  });
});

async function stream(socket: WebSocket, turn: string, controller: AbortController): Promise<void> {
  const decoder = new TextDecoder();
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') return;
      const text = (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content;
      if (text !== undefined) socket.send(JSON.stringify({ t: 'delta', turn, text }));
    },
  });
  try {
    const { body } = await pool.request({
      path: `${upstream.pathname}/chat/completions`,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-client-request-id': turn },
      body: JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content: 'go' }] }),
      signal: controller.signal,
    });
    await new Promise<void>((resolve, reject) => {
      body.on('data', (chunk: Buffer) => parser.feed(decoder.decode(chunk, { stream: true })));
      body.on('end', resolve);
      body.on('error', reject);
    });
  } catch {
    // aborted: that is what cancels do
  }
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`ws://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
