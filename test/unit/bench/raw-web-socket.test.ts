import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { RawWebSocket } from '../../../bench/load/clients/raw-web-socket.ts';

async function startServer(onConnection: (socket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: ([first]) => first! });
  server.on('connection', onConnection);
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/any`;
}

const echoing = (socket: WebSocket): void => void socket.on('message', (data) => socket.send(data));

/** Speaks bytes, cut wherever one likes. */
async function startRaw(answer: (write: (bytes: Buffer | string) => Promise<void>) => Promise<void>): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      void answer(async (bytes) => {
        socket.write(bytes);
        await new Promise((resolve) => setTimeout(resolve, 2));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const accepted = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n';

describe('the client of the benches', () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 300_000])('sends and reads %i bytes', async (length) => {
    const socket = await RawWebSocket.open(await startServer(echoing), 'any.protocol');
    onTestFinished(() => socket.terminate());
    const sent = Buffer.alloc(length, 'parley');
    const read = new Promise<Buffer>((resolve) => {
      socket.onMessage = (data) => resolve(Buffer.from(data));
    });
    socket.send(sent);
    expect((await read).equals(sent)).toBe(true);
  });

  test('reads a text, and several messages in their order', async () => {
    const socket = await RawWebSocket.open(
      await startServer((server) => {
        server.on('message', (data: Buffer) => {
          for (let i = 0; i < 200; i++) server.send(`${data.toString()} ${i}`);
        });
      }),
    );
    onTestFinished(() => socket.terminate());
    const read: string[] = [];
    socket.onMessage = (data) => void read.push(data.toString());
    socket.send('grüß dich');
    await expect.poll(() => read.length).toBe(200);
    expect(read).toEqual(Array.from({ length: 200 }, (_, i) => `grüß dich ${i}`));
  });

  test('reads what comes a byte at a time, from two servers at once', async () => {
    const url = await startRaw(async (write) => {
      for (const byte of Buffer.concat([Buffer.from(accepted), Buffer.from([0x82, 3, 7, 8, 9, 0x81, 1, 0x61])]))
        await write(Buffer.of(byte));
    });
    const all = await Promise.all(
      [0, 1].map(async () => {
        const socket = await RawWebSocket.open(url);
        onTestFinished(() => socket.terminate());
        const read: number[][] = [];
        socket.onMessage = (data) => void read.push([...data]);
        await expect.poll(() => read.length).toBe(2);
        return read;
      }),
    );
    for (const read of all) expect(read).toEqual([[7, 8, 9], [0x61]]);
  });

  test('answers a ping with what was in it', async () => {
    let answered: string | undefined;
    const url = await startServer((server) => {
      server.on('pong', (data) => {
        answered = data.toString();
      });
      server.ping('still there?');
    });
    const socket = await RawWebSocket.open(url);
    onTestFinished(() => socket.terminate());
    await expect.poll(() => answered).toBe('still there?');
  });

  test('tells the code with which it is closed', async () => {
    const url = await startServer((server) => server.on('message', () => server.close(4321)));
    const socket = await RawWebSocket.open(url);
    const code = new Promise<number>((resolve) => {
      socket.onClose = resolve;
    });
    socket.send('go');
    expect(await code).toBe(4321);
  });

  test('rejects where the server refuses, is not there, or goes', async () => {
    const refusing = await startRaw((write) => write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'));
    await expect(RawWebSocket.open(refusing)).rejects.toThrow('status 503');
    await expect(RawWebSocket.open('http://127.0.0.1:1/')).rejects.toThrow('ECONNREFUSED');
    const leaving = createServer((socket) => void socket.destroy());
    await new Promise<void>((resolve) => leaving.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void leaving.close());
    const { port } = leaving.address() as AddressInfo;
    await expect(RawWebSocket.open(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
});
