/** One measured figure, with what it is compared to in the same run. */
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
