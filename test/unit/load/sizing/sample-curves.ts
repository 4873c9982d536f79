import type { CurvePoint, CurvesResult } from '../../../../src/load/sizing/curves.ts';

/** What everything costs in the sample; the fit has to find it again. */
export const trueCosts = {
  process: { cpuCores: 0.01, memoryBytes: 100e6 },
  socket: { cpuCores: 2e-6, memoryBytes: 4_000 },
  stream: { memoryBytes: 20_000 },
  embedded: { cpuSecondsPerTurn: 400e-6, cpuSecondsPerToken: 30e-6 },
  redis: {
    cpuSecondsPerTurn: 700e-6,
    cpuSecondsPerToken: 50e-6,
    commandsPerTurn: 12,
    commandsPerToken: 2,
    cpuSecondsPerCommand: 5e-6,
  },
  measured: { sockets: 15_000, streams: 2_000, nodes: 3 },
};

type Load = Pick<CurvePoint, 'curve' | 'at' | 'sockets' | 'streams' | 'turnsPerSecond' | 'tokensPerSecond'>;

function point(load: Load, store: CurvePoint['store'], nodes: number): CurvePoint {
  const { process, socket, stream, embedded, redis } = trueCosts;
  const costs = store === 'redis' ? redis : embedded;
  const { sockets, streams, turnsPerSecond, tokensPerSecond } = load;
  const commandsPerSecond = turnsPerSecond * redis.commandsPerTurn + tokensPerSecond * redis.commandsPerToken;
  const work = turnsPerSecond * costs.cpuSecondsPerTurn + tokensPerSecond * costs.cpuSecondsPerToken;
  return {
    ...load,
    store,
    nodes,
    cpuCores: nodes * process.cpuCores + sockets * socket.cpuCores + work,
    memoryBytes: nodes * process.memoryBytes + sockets * socket.memoryBytes + streams * stream.memoryBytes,
    loopDelayP99Ms: 1,
    firstToken: { p50Ms: 3, p99Ms: 9 },
    gap: { p50Ms: 100, p99Ms: 104 },
    ...(store === 'redis' ? { redis: { commandsPerSecond, cpuCores: commandsPerSecond * 5e-6 } } : {}),
    errors: 0,
    warnings: [],
  };
}

/** Curves of a machine that measures without any noise. */
export function sampleCurves(): CurvesResult {
  const probe = { streams: 0, turnsPerSecond: 2, tokensPerSecond: 200 };
  const streamed = (at: number, curve: CurvePoint['curve'] = 'streams'): Load => ({
    curve,
    at,
    sockets: at,
    streams: at,
    turnsPerSecond: at / 10,
    tokensPerSecond: at * 10,
  });
  const turns = (at: number): Load => ({
    curve: 'turns',
    at,
    sockets: 3_000 / at,
    streams: 0,
    turnsPerSecond: 150,
    tokensPerSecond: 150,
  });
  return {
    format: 'parley-curves',
    version: 1,
    at: '2026-01-02T03:04:05.678Z',
    command: 'npm run bench -- curves',
    machine: { cpu: 'test', cores: 2, memoryBytes: 2 ** 33, platform: 'linux x64', node: 'v20.1.0' },
    windowTokens: 2_048,
    points: [
      ...[1, 1_000, 15_000].map((at) => point({ curve: 'sockets', at, sockets: at, ...probe }, 'embedded', 1)),
      ...[1, 500, 2_000].map((at) => point(streamed(at), 'embedded', 1)),
      ...[10, 1_000].map((at) => point(turns(at), 'embedded', 1)),
      ...[1, 2, 3].map((nodes) => point({ ...streamed(300, 'nodes'), at: nodes }, 'redis', nodes)),
      point(turns(10), 'redis', 1),
    ],
  };
}
