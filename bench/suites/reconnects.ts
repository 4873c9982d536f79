import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchClient } from '../load/bench-client.ts';
import { openMany } from '../load/clients/open-client.ts';
import { RawWebSocket } from '../load/clients/raw-web-socket.ts';
import { profileWhile } from '../load/cpu-profile.ts';
import { inspectorFlag, inspectProcess } from '../load/inspector.ts';
import { configFile } from '../peers/parley.ts';
import { freePort, type ServerProcess, startGateway, startServer } from '../processes.ts';
import { startRedis } from '../redis.ts';
import { profileText } from '../report/profile-text.ts';
import type { Figure, Log, ResultRow } from '../result.ts';
import type { BenchRun } from '../side-by-side.ts';
import { withProfile } from '../with-profile.ts';

const key = 'sk-bench-reconnect-0123456789abcdef';
const auth = `auth: { keys: [{ name: bench, key: '${key}', tenant: bench, roles: [user] }] }\n`;

/** Many sockets come back at once, each with hello, its key and the resume of its session in one message. */
export async function benchReconnects(run: BenchRun): Promise<ResultRow[]> {
  const sockets = run.isQuick ? 2_000 : 10_000;
  const figures: Figure[] = [];
  for (const { id, name, file } of [
    { id: 'uws', name: 'bare uWebSockets.js, handshakes alone', file: './peers/bare-uws-proxy.js' },
    { id: 'ws', name: 'bare ws, handshakes alone', file: './peers/bare-ws-proxy.js' },
  ])
    figures.push({ of: id, name, value: await handshakes(file, sockets) });
  const wanted = run.contenders.filter(({ id }) => id.startsWith('parley'));
  for (const { id, name } of wanted.reverse())
    try {
      figures.unshift({
        of: id,
        name,
        value: await reconnects(id, sockets, timed, (line) => run.log(`${name}: ${line}`)),
      });
    } catch (error) {
      figures.unshift({ of: id, name, note: (error as Error).message });
    }
  const row: ResultRow = {
    id: 'reconnects',
    suite: 'reconnects',
    measure: `${sockets.toLocaleString('en-US')} sockets reconnect at once with authentication and resume`,
    unit: 's',
    better: 'less',
    method:
      'From the first connection to the last session that is live again; all sockets are opened at once by one process, whose own work is in it. Beside it the handshakes alone of the same client with bare servers. One refused socket voids the figure.',
    goal: { text: '≤ 4 s, no error', limit: 4 },
    figures,
  };
  return withProfile([row], run.log, async ({ of }) => {
    const inspectorPort = await freePort();
    return reconnects(
      of,
      sockets,
      async (count, open) =>
        profileText(await profileWhile(await inspectProcess(inspectorPort), () => timed(count, open))),
      () => {},
      [inspectorFlag(inspectorPort)],
    );
  });
}

async function handshakes(file: string, sockets: number): Promise<number> {
  const server = await startServer(file);
  try {
    // the client's own first sockets are not a cost of the server
    await timed(Math.min(sockets, 2_000), () => RawWebSocket.open(server.url));
    return await timed(sockets, () => RawWebSocket.open(server.url));
  } finally {
    await server.stop();
  }
}

/** Answers what `measured` makes of the sockets that come back. */
async function reconnects<Answer>(
  id: string,
  sockets: number,
  measured: (count: number, open: Open) => Promise<Answer>,
  log: Log,
  nodeFlags: readonly string[] = [],
): Promise<Answer> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const isShared = id === 'parley-redis';
  const redis = isShared ? await startRedis() : undefined;
  if (isShared && redis === undefined) throw new Error('redis-server is not installed.');
  const store = redis === undefined ? ['--data', join(directory, 'data')] : ['--store', redis.url];
  let gateway: ServerProcess | undefined;
  try {
    const config = configFile(directory, 'http://127.0.0.1:9/v1', { more: auth });
    gateway = await startGateway([...store, '--config', config], nodeFlags);
    const { url } = gateway;
    const first = await openMany(sockets, () => BenchClient.open(url, { key }));
    log(`${sockets} sockets`);
    const cursors = first.map(({ attached }) => attached!);
    for (const { socket } of first) socket.terminate();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    let i = 0;
    return await measured(sockets, async () => {
      const { session, epoch, head } = cursors[i++]!;
      return (await BenchClient.open(url, { key, session, resume: { epoch, after: head } })).socket;
    });
  } finally {
    await gateway?.stop();
    await redis?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

type Open = () => Promise<{ terminate(): void }>;

async function timed(count: number, open: Open): Promise<number> {
  const startedMs = performance.now();
  const opened = await Promise.all(Array.from({ length: count }, open));
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const socket of opened) socket.terminate();
  return seconds;
}
