import type { ScenarioInput } from '../../src/load/scenario.ts';
import type { CurveName } from '../../src/load/sizing/curves.ts';

/** How one point of a curve is measured. */
export interface PointPlan {
  curve: CurveName;
  at: number;
  store: 'embedded' | 'redis';
  nodes: number;
  upstream: readonly string[];
  /** On each node; its times are what is told. */
  load: ScenarioInput;
  /** Sockets that say nothing beside it. */
  idleSockets: number;
  /** Of the gateway. */
  nodeFlags?: readonly string[];
  /** The last seconds of the load that count; all at full load where absent. */
  lastSeconds?: number;
}

/** Of each stream. */
const tokensPerSecond = 10;
const turnsPerSecond = 150;
/** Turns of each point of the curve over turns, so that all have the same rate for about as long. */
const allTurns = 3_000;
const idlePerSecond = 1_500;
const settleSeconds = 3;

const paced = ['--first-token', '0ms', '--tokens-per-second', String(tokensPerSecond), '--tokens'];
const instant = ['--tokens', '1', '--first-token', '0ms', '--tokens-per-second', '0'];

/** All points of all curves. `quick`: too short for figures, long enough to see that it works. */
export function pointPlans(quick: boolean): PointPlan[] {
  const seconds = (hold: number): number => (quick ? Math.ceil(hold / 4) : hold);
  const upstream = [...paced, quick ? '10-20' : '60-100'];
  const streams = (count: number): ScenarioInput => ({
    users: count,
    rampSeconds: quick ? 3 : 6,
    holdSeconds: seconds(12),
  });
  const embedded = { store: 'embedded', nodes: 1 } as const;
  const turns = (at: number): ScenarioInput => {
    const sessions = Math.max(1, Math.round(allTurns / at));
    return { turnsPerSecond, sessions, rampSeconds: 2, holdSeconds: (sessions * at) / turnsPerSecond };
  };
  const counts = quick ? { sockets: [1, 500, 2_000], streams: [1, 50, 300], turns: [10, 1_000] } : full;
  return [
    ...counts.sockets.map(
      (at): PointPlan => ({
        ...embedded,
        curve: 'sockets',
        at,
        upstream: [...paced, '20-30'],
        // longer than the heartbeat, so that each socket had one
        load: { users: 5, rampSeconds: idleRampSeconds(at) + settleSeconds, holdSeconds: seconds(27) },
        idleSockets: at,
        // young garbage would hide what sockets take; the other curves have it
        nodeFlags: ['--max-semi-space-size=1'],
      }),
    ),
    ...counts.streams.map(
      (at): PointPlan => ({ ...embedded, curve: 'streams', at, upstream, load: streams(at), idleSockets: 0 }),
    ),
    ...counts.turns.map(
      (at): PointPlan => ({
        ...embedded,
        curve: 'turns',
        at,
        upstream: instant,
        load: turns(at),
        idleSockets: 0,
        lastSeconds: 5,
      }),
    ),
    ...[1, 2, 3].map(
      (nodes): PointPlan => ({
        curve: 'nodes',
        at: nodes,
        store: 'redis',
        nodes,
        upstream,
        load: streams(Math.round((quick ? 60 : 300) / nodes)),
        idleSockets: 0,
      }),
    ),
    // many turns and few tokens, which tells the one from the other on Redis
    { curve: 'turns', at: 10, store: 'redis', nodes: 1, upstream: instant, load: turns(10), idleSockets: 0 },
  ];
}

const full = { sockets: [1, 1_000, 5_000, 15_000], streams: [1, 200, 1_000, 2_000], turns: [10, 100, 1_000, 10_000] };

export function idleRampSeconds(sockets: number): number {
  return Math.max(1, Math.ceil(sockets / idlePerSecond));
}
