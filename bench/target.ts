import type { Target } from './load/job.ts';
import type { Peer } from './peers/contract.ts';
import { processTree, type ServerProcess } from './processes.ts';

/** What a driver needs to know of a server that runs. */
export function targetOf(peer: Peer, server: ServerProcess): Target {
  const { dialect } = peer;
  return {
    url: server.url,
    dialect: dialect.kind === 'sse' ? { ...dialect, headers: { ...dialect.headers, ...server.headers } } : dialect,
    pids: server.pid === 0 ? [] : processTree(server.pid),
    ...(server.beside === undefined ? {} : { besidePid: server.beside.pid }),
    ...(peer.metricsPath === undefined ? {} : { metricsUrl: `${server.url}${peer.metricsPath}` }),
  };
}
