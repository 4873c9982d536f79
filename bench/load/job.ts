import type { Dialect } from './clients/contract.ts';

/** Whom a measure speaks to, and what of it is watched from outside. */
export interface Target {
  url: string;
  dialect: Dialect;
  /** Its processes; none for a client that reads the upstream itself. */
  pids: readonly number[];
  /** A process beside, told apart. */
  besidePid?: number;
  metricsUrl?: string;
  /** Where V8's inspector listens, of one that is to be profiled. */
  inspectorPort?: number;
}

/** What each measure is asked and answers; both travel between processes. */
export interface Measures {
  cpu: {
    options: { streams: number; tokensPerSecond: number; seconds: number };
    answer: ProcessFigures & { microsecondsPerToken: number; tokensPerSecond: number };
  };
  delay: {
    options: { streams: number; tokensPerSecond: number; seconds: number; probesPerSecond: number };
    answer: ProcessFigures & { token: Quantiles; firstToken?: Quantiles; tokensPerSecond: number };
  };
  turns: {
    options: { connections: number; concurrency: number; tokens: number; seconds: number };
    answer: ProcessFigures & { turnsPerSecond: number; microsecondsPerTurn: number };
  };
  memory: {
    options: { connections: number };
    answer: { bytesPerConnection: number; connections: number; profile?: string };
  };
  cancel: {
    /** `firstStreams`: how many more are cancelled before, while the code of an end is not compiled yet. */
    options: { streams: number; firstStreams: number; tokensPerSecond: number; waitMs: number };
    /** When each was cancelled, by the id of its request: milliseconds since 1970. */
    answer: ProcessFigures & { firstCancelledMs: Record<string, number>; cancelledMs: Record<string, number> };
  };
}

export interface ProcessFigures {
  /** Of all processes of the target, in use at full load. */
  cores: number;
  besideCores?: number;
  /** How late the event loop of the target was, where it tells. */
  loopDelayP99Ms?: number;
  /** What a profile of the measured part shows, of a target that is profiled. */
  profile?: string;
}

export interface Quantiles {
  p50: number;
  p99: number;
  count: number;
}

export type MeasureName = keyof Measures;

export interface Job<Name extends MeasureName = MeasureName> {
  measure: Name;
  target: Target;
  options: Measures[Name]['options'];
}

export type DriverMessage = { progress: string } | { answer: object } | { failure: string };

export type Progress = (line: string) => void;
