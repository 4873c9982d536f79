export const chunksPerAnswer = 500;
const answersPerRun = 40;
const runs = 15;

/** Median over runs of CPU microseconds per chunk, for answers of `chunksPerAnswer` chunks. */
export function measurePerChunk(answer: () => void): number {
  for (let warm = 0; warm < answersPerRun; warm += 1) answer();
  const perChunk: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const before = process.cpuUsage();
    for (let count = 0; count < answersPerRun; count += 1) answer();
    const used = process.cpuUsage(before);
    perChunk.push((used.user + used.system) / (answersPerRun * chunksPerAnswer));
  }
  return perChunk.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
}
