import { createServer, type Socket } from 'node:net';

/** Accepts connections and never says a word, so that a TLS handshake with it never ends. */
export async function startSilentServer() {
  const sockets: Socket[] = [];
  const waiting: (() => void)[] = [];
  let open = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    open += 1;
    socket.on('error', () => {});
    socket.resume();
    socket.once('close', () => {
      open -= 1;
      for (const wake of waiting.splice(0)) wake();
    });
    for (const wake of waiting.splice(0)) wake();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return {
    /** An address whose handshake hangs. */
    url: `https://127.0.0.1:${port}/v1`,
    untilConnected: () => until(() => sockets.length > 0),
    untilAllClosed: () => until(() => sockets.length > 0 && open === 0),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
