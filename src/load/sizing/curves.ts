import type { RunResult } from '../result.ts';

/** Of the file; a reader refuses what it does not know. */
export const curvesVersion = 1;

/** What grows along a curve: open sockets, running streams, turns of a session, nodes on one Redis. */
export type CurveName = 'sockets' | 'streams' | 'turns' | 'nodes';

/** Two quantiles of a time. */
export interface Quantiles {
  p50Ms: number;
  p99Ms: number;
}

/** One point of a curve: the load as it was, and what it cost. */
export interface CurvePoint {
  curve: CurveName;
  /** How far along its curve. */
  at: number;
  store: 'embedded' | 'redis';
  nodes: number;
  sockets: number;
  streams: number;
  turnsPerSecond: number;
  tokensPerSecond: number;
  /** Of all nodes together. */
  cpuCores: number;
  memoryBytes: number;
  /** Of the worst node. */
  loopDelayP99Ms: number;
  /** From the turn that was sent to its first text, and from text to text, at the client. */
  firstToken: Quantiles;
  gap?: Quantiles;
  redis?: { cpuCores: number; commandsPerSecond: number };
  errors: number;
  /** Of a generator that was too busy to be believed. */
  warnings: string[];
}

/** The result of `npm run bench -- curves`. */
export interface CurvesResult {
  format: 'parley-curves';
  version: typeof curvesVersion;
  at: string;
  commit?: string;
  command: string;
  machine: RunResult['machine'];
  /** How much of a session was sent to the model. */
  windowTokens: number;
  points: CurvePoint[];
}

/** The points of a curve on one of the stores, in its order. */
export function curveOf({ points }: CurvesResult, name: CurveName, store: CurvePoint['store']): CurvePoint[] {
  return points.filter((point) => point.curve === name && point.store === store).sort((a, b) => a.at - b.at);
}
