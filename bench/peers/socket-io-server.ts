import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { msgpackParser, requirePeer } from './installed-packages.ts';
import { createTextStream, RunningTurns } from './text-stream.ts';

/** What a chat over Socket.IO does: `turn` starts a stream of `delta` events, `cancel` ends it; msgpack on the wire. */
interface Socket {
  on(event: string, listener: (value: { turn: string; input: string }) => void): void;
  emit(event: string, value: object): void;
}
interface SocketIo {
  Server: new (
    server: object,
    options: object,
  ) => { on(event: 'connection', listener: (socket: Socket) => void): void };
}

const streamText = createTextStream(process.argv[2]!);
const { Server } = requirePeer('socket.io') as SocketIo;
const server = createServer();
new Server(server, { parser: msgpackParser(), transports: ['websocket'], perMessageDeflate: false }).on(
  'connection',
  (socket) => {
    const running = new RunningTurns();
    socket.on('turn', ({ turn, input }) =>
      running.start(turn, async (signal) => {
        await streamText(input, signal, (text) => socket.emit('delta', { turn, text }));
        socket.emit('end', { turn });
      }),
    );
    socket.on('cancel', ({ turn }) => running.cancel(turn));
    socket.on('disconnect', () => running.cancelAll());
  },
);

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
