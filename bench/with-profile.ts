import { isReached, judged } from './report/judge.ts';
import type { Figure, Log, ResultRow } from './result.ts';

/** Makes the load of a figure that missed its goal once more, and tells what a profile of it shows. */
export type TakeProfile = (missed: Figure) => Promise<string>;

/**
 * Rows of one load with verdicts. The first that was missed says what a profile shows, the others that it is said
 * there. A profile that fails costs nothing but itself.
 */
export async function withProfile(rows: readonly ResultRow[], log: Log, take: TakeProfile): Promise<ResultRow[]> {
  const verdicts = rows.map(judged);
  const missed = verdicts.filter((row) => isReached(row) === false);
  const [first] = missed;
  const figure = first?.figures.find(({ verdict }) => verdict?.isReached === false);
  if (first === undefined || figure === undefined) return verdicts;
  log(`${figure.name}: a profile, as the goal was not reached`);
  const profile = await take(figure).catch((error: Error) => `No profile: ${error.message}`);
  return verdicts.map((row) => {
    if (row === first)
      return { ...row, profile: `${figure.name[0]!.toUpperCase()}${figure.name.slice(1)}. ${profile}` };
    return missed.includes(row) ? { ...row, profile: `A profile is with “${first.measure}”.` } : row;
  });
}
