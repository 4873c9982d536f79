import type { CostModel } from './cost-model.ts';

/** What is to be carried. */
export interface Demand {
  sockets: number;
  /** Sockets whose turn is streaming, on average. */
  streams: number;
  /** Of each stream. */
  tokensPerSecond: number;
  /** Of all sockets together. */
  turnsPerSecond: number;
}

export interface Room {
  /** Files that a process may have open; each socket is one, and each stream another. */
  openFiles: number;
  /** Of a core and of the open files, this share stays free. */
  headroom: number;
}

export interface Size {
  store: 'embedded' | 'redis';
  /** Each with one event loop, which is one core. */
  processes: number;
  limitedBy: 'CPU' | 'open files' | 'sockets measured' | 'streams measured';
  /** In use, all processes together. */
  cpuCores: number;
  memoryBytes: number;
  redis?: { commandsPerSecond: number; cpuCores: number; servers: number };
}

/** How large an installation must be. One process keeps its sessions itself; several share them in Redis. */
export function planSize(model: CostModel, demand: Demand, room: Room): Size {
  const alone = planOn(model, demand, room, 'embedded');
  return alone.processes === 1 || model.redis === undefined ? alone : planOn(model, demand, room, 'redis');
}

function planOn(model: CostModel, demand: Demand, { openFiles, headroom }: Room, store: Size['store']): Size {
  const { sockets, streams, turnsPerSecond } = demand;
  const tokens = streams * demand.tokensPerSecond;
  const costs = store === 'redis' ? model.redis! : model.embedded;
  const share = 1 - headroom;
  const work =
    sockets * model.socket.cpuCores + turnsPerSecond * costs.cpuSecondsPerTurn + tokens * costs.cpuSecondsPerToken;
  const needs: [Size['limitedBy'], number][] = [
    ['CPU', work / Math.max(0.01, share - model.process.cpuCores)],
    ['open files', (sockets + streams) / (openFiles * share)],
    ['sockets measured', sockets / model.measured.sockets],
    ['streams measured', streams / model.measured.streams],
  ];
  const [limitedBy, most] = needs.reduce((a, b) => (b[1] > a[1] ? b : a));
  const processes = Math.max(1, Math.ceil(most));
  const size: Size = {
    store,
    processes,
    limitedBy,
    cpuCores: processes * model.process.cpuCores + work,
    memoryBytes:
      processes * model.process.memoryBytes + sockets * model.socket.memoryBytes + streams * model.stream.memoryBytes,
  };
  if (store === 'embedded') return size;
  const { commandsPerTurn, commandsPerToken, cpuSecondsPerCommand } = model.redis!;
  const commandsPerSecond = turnsPerSecond * commandsPerTurn + tokens * commandsPerToken;
  const cpuCores = commandsPerSecond * cpuSecondsPerCommand;
  return { ...size, redis: { commandsPerSecond, cpuCores, servers: Math.max(1, Math.ceil(cpuCores / share)) } };
}
