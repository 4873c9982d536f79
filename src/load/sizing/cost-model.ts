import { type CurvePoint, type CurvesResult, curveOf } from './curves.ts';
import { fitLine, fitPair } from './least-squares.ts';

/** What work costs the gateway's processes. */
export interface WorkCosts {
  cpuSecondsPerTurn: number;
  cpuSecondsPerToken: number;
}

/** What everything costs, from the curves. */
export interface CostModel {
  /** Of a process that does nothing. */
  process: { cpuCores: number; memoryBytes: number };
  /** Of a socket with a session that says nothing. */
  socket: { cpuCores: number; memoryBytes: number };
  /** Of a running stream, over its socket. */
  stream: { memoryBytes: number };
  embedded: WorkCosts;
  /** Absent where no Redis was there to be measured. */
  redis?: WorkCosts & { commandsPerTurn: number; commandsPerToken: number; cpuSecondsPerCommand: number };
  /** The most that one process was measured with: nothing is planned beyond it. */
  measured: { sockets: number; streams: number; nodes: number };
}

/** Of the two fits of `fitCosts`, each of which needs the other's outcome. */
const rounds = 20;

/**
 * Fits the costs: lines over the sockets for what a process and a socket cost, and what is left of the CPU split between turns and
 * tokens, of which the curves of turns and of streams have the one and the other in plenty. Memory of a process is that of the
 * streams' curve, whose heap is the usual one.
 */
export function fitCosts(result: CurvesResult): CostModel {
  const idle = curveOf(result, 'sockets', 'embedded');
  const streams = curveOf(result, 'streams', 'embedded');
  const loaded = [...streams, ...curveOf(result, 'turns', 'embedded')];
  const process = { cpuCores: 0, memoryBytes: 0 };
  const socket = { cpuCores: 0, memoryBytes: 0 };
  const embedded = { cpuSecondsPerTurn: 0, cpuSecondsPerToken: 0 };
  const standing = ({ nodes, sockets }: CurvePoint): number => nodes * process.cpuCores + sockets * socket.cpuCores;
  const worked = (point: CurvePoint): number =>
    point.turnsPerSecond * embedded.cpuSecondsPerTurn + point.tokensPerSecond * embedded.cpuSecondsPerToken;
  for (let round = 0; round < rounds; round++) {
    const line = fitLine(idle.map((point) => [point.sockets, point.cpuCores - worked(point)]));
    process.cpuCores = Math.max(0, line.start);
    socket.cpuCores = Math.max(0, line.slope);
    const [turn, token] = perTurnAndToken(loaded, (point) => point.cpuCores - standing(point));
    embedded.cpuSecondsPerTurn = turn;
    embedded.cpuSecondsPerToken = token;
  }
  const memory = fitLine(idle.map(({ sockets, memoryBytes }) => [sockets, memoryBytes]));
  socket.memoryBytes = Math.max(0, memory.slope);
  const stream = fitLine(
    streams.map((point) => [point.streams, point.memoryBytes - point.sockets * socket.memoryBytes]),
  );
  process.memoryBytes = Math.max(0, stream.start);
  const shared = result.points.filter(({ store }) => store === 'redis');
  return {
    process,
    socket,
    stream: { memoryBytes: Math.max(0, stream.slope) },
    embedded,
    ...(shared.length === 0 ? {} : { redis: redisCosts(shared, (point) => point.cpuCores - standing(point)) }),
    measured: {
      sockets: Math.max(0, ...idle.map(({ sockets }) => sockets)),
      streams: Math.max(0, ...streams.map((point) => point.streams)),
      nodes: Math.max(1, ...shared.map(({ nodes }) => nodes)),
    },
  };
}

function redisCosts(
  points: readonly CurvePoint[],
  worked: (point: CurvePoint) => number,
): NonNullable<CostModel['redis']> {
  const commands = (point: CurvePoint): number => point.redis?.commandsPerSecond ?? 0;
  const [cpuSecondsPerTurn, cpuSecondsPerToken] = perTurnAndToken(points, worked);
  const [commandsPerTurn, commandsPerToken] = perTurnAndToken(points, commands);
  const all = points.reduce((sum, point) => sum + commands(point), 0);
  const cpuCores = points.reduce((sum, { redis }) => sum + (redis?.cpuCores ?? 0), 0);
  const cpuSecondsPerCommand = all === 0 ? 0 : cpuCores / all;
  return { cpuSecondsPerTurn, cpuSecondsPerToken, commandsPerTurn, commandsPerToken, cpuSecondsPerCommand };
}

function perTurnAndToken(points: readonly CurvePoint[], of: (point: CurvePoint) => number): [number, number] {
  return fitPair(points.map((point) => [point.turnsPerSecond, point.tokensPerSecond, of(point)]));
}
