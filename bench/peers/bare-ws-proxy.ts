import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { createTextStream, RunningTurns } from './text-stream.ts';

/**
 * The least a proxy on `ws` can do, as a baseline: each upstream event parsed and its text sent on as one JSON message.
 * No session, no log, no counting, no limits. A message `{turn, input}` starts a stream, `{cancel}` ends it.
 */
const streamText = createTextStream(process.argv[2] ?? 'http://127.0.0.1:9/v1');
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket: WebSocket) => {
  const running = new RunningTurns();
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { turn: string; input: string } | { cancel: string };
    if ('cancel' in message) return running.cancel(message.cancel);
    const { turn, input } = message;
    running.start(turn, async (signal) => {
      await streamText(input, signal, (text) => socket.send(JSON.stringify({ t: 'delta', turn, text })));
      socket.send(JSON.stringify({ t: 'end', turn }));
    });
  });
  socket.on('close', () => running.cancelAll());
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
