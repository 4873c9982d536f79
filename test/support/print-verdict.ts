/** One line per run with what its checker found, and the seed to replay it. */
export function printVerdictLine(name: string, seed: number, verdict: object): void {
  process.stdout.write(`verdict of ${name}, replay with PARLEY_SEED=${seed}: ${JSON.stringify(verdict)}\n`);
}

/** How often each value occurs. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
