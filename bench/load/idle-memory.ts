import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { startGateway, startServer } from '../processes.ts';
import { residentBytes } from '../../src/load/process-usage.ts';
import type { BenchResult, Log } from '../result.ts';
import { openClients } from './bench-client.ts';

/** Resident memory per socket with one attached, idle session, next to a bare uWebSockets.js socket. */
export async function benchIdleMemory(sockets: number, log: Log): Promise<BenchResult[]> {
  const bare = await startServer('./peers/bare-uws-server.js');
  const bareBefore = residentBytes(bare.pid);
  const open: WebSocket[] = [];
  while (open.length < sockets) {
    const batch = Array.from({ length: Math.min(200, sockets - open.length) }, async () => {
      const socket = new WebSocket(`${bare.url.replace(/^http/, 'ws')}/v1/socket`, { perMessageDeflate: false });
      await new Promise((resolve) => socket.once('open', resolve));
      return socket;
    });
    open.push(...(await Promise.all(batch)));
  }
  await settle();
  const bareBytes = (residentBytes(bare.pid) - bareBefore) / sockets;
  for (const socket of open) socket.terminate();
  await bare.stop();

  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const gateway = await startGateway(['--data', directory], ['--max-semi-space-size=1']);
  try {
    // what the first sessions load and compile is not a cost per session
    const warm = await openClients(gateway.url, 500);
    await settle();
    const before = residentBytes(gateway.pid);
    const clients = await openClients(gateway.url, sockets, (count) => {
      if (count % 1_000 === 0) log(`parley: ${count}/${sockets} sockets`);
    });
    await settle();
    const bytes = (residentBytes(gateway.pid) - before) / sockets;
    for (const client of [...clients, ...warm]) client.socket.terminate();
    return [
      {
        name: `resident memory per idle attached session (${sockets} sockets)`,
        value: bytes / 1024,
        unit: 'KB',
        baseline: bareBytes / 1024,
        baselineName: 'bare uWebSockets.js socket',
      },
    ];
  } finally {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 3_000));
}
