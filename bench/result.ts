import type { RunResult } from '../src/load/result.ts';

/** One measured figure of a part alone, with what it is compared to in the same run. */
export interface BenchResult {
  name: string;
  value: number;
  unit: string;
  baseline?: number | undefined;
  baselineName?: string | undefined;
  note?: string | undefined;
}

/** Progress of a long run, a line at a time. */
export type Log = (line: string) => void;

/** Of the file; a reader refuses what it does not know. */
export const fileVersion = 1;

/** What `npm run bench` writes. */
export interface ResultFile {
  format: 'parley-side-by-side';
  version: typeof fileVersion;
  at: string;
  /** Absent while the run goes on, and of one that was cut. */
  finishedAt?: string;
  commit: string;
  command: string;
  /** `loadBefore`: average of runnable processes over the minute before the run. */
  machine: RunResult['machine'] & { loadBefore: number };
  contenders: Contender[];
  absent: { id: string; reason: string }[];
  rows: ResultRow[];
}

export interface Contender {
  id: string;
  name: string;
  version: string;
  does: string;
  cancelledBy: string;
}

/** One quantity, measured of everybody in the same run. */
export interface ResultRow {
  id: string;
  /** The benches' name on the command line. */
  suite: string;
  measure: string;
  unit: string;
  better: 'less' | 'more';
  /** How it was measured, in a sentence or two. */
  method?: string;
  goal?: Goal;
  /** Where the time or the memory goes, of a goal that was not reached, or in which row that is told. */
  profile?: string;
  figures: Figure[];
}

export interface Goal {
  text: string;
  /** The value at most, or at least where more is better; a factor where `times` is there. */
  limit: number;
  /** Whose value the limit is multiplied with. */
  times?: string;
}

export interface Figure {
  of: string;
  name: string;
  /** Absent where there is none, which the note explains. */
  value?: number;
  /** Of Parley's figures: the value divided by each other's. */
  ratios?: Record<string, number>;
  /** Of figures that the goal is for. */
  verdict?: Verdict;
  /** What else was seen meanwhile, by name with its unit. */
  details?: Record<string, number>;
  note?: string;
}

export interface Verdict {
  /** Absent where it cannot be told. */
  isReached?: boolean;
  /** By how much, or why not. */
  text: string;
}
