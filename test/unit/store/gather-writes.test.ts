import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { gatherWrites } from '../../../src/store/redis/gather-writes.ts';

/** Answers each command with PONG, and keeps what came in one read. */
async function startServer() {
  const reads: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      reads.push(data.toString());
      socket.write('+PONG\r\n'.repeat(commandsIn(data.toString())));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { reads, port: (server.address() as AddressInfo).port };
}

const commandsIn = (text: string): number => text.split(/^\*\d+\r$/m).length - 1;

async function connect(port: number): Promise<Redis> {
  const connection = new Redis({ host: '127.0.0.1', port, lazyConnect: true, enableReadyCheck: false });
  gatherWrites(connection);
  await connection.connect();
  onTestFinished(() => connection.disconnect());
  return connection;
}

const ping = (connection: Redis, count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => connection.ping(`ping ${i}`)));

describe('commands to Redis', () => {
  test('that are given together are written together, in their order', async () => {
    const { reads, port } = await startServer();
    const connection = await connect(port);
    reads.length = 0;
    await ping(connection, 50);
    expect(reads.map(commandsIn)).toEqual([50]);
    expect([...reads[0]!.matchAll(/ping (\d+)\r/g)].map(([, i]) => Number(i))).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  test('that follow from answers that came together are, too', async () => {
    const { reads, port } = await startServer();
    const connection = await connect(port);
    reads.length = 0;
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        await connection.ping('first');
        await connection.ping('second');
      }),
    );
    expect(reads.map(commandsIn)).toEqual([50, 50]);
  });

  test('do not wait for others, and go over the next connection as well', async () => {
    const { reads, port } = await startServer();
    const connection = await connect(port);
    expect(await connection.ping()).toBe('PONG');
    connection.disconnect(true);
    await new Promise((resolve) => connection.once('ready', resolve));
    reads.length = 0;
    await ping(connection, 3);
    expect(reads.map(commandsIn)).toEqual([3]);
  });
});
