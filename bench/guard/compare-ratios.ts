import type { PairMeasure } from './measure-pair.ts';

/** What is in git of an operation: its cost over its baseline's, and how many times that it may be. */
export interface GuardEntry {
  baseline: string;
  ratio: number;
  allowedFactor: number;
}

export type GuardFile = Record<string, GuardEntry>;

/** One sentence for each operation that has become too slow, or that one of both does not know. */
export function findRegressions(measures: readonly Pick<PairMeasure, 'name' | 'ratio'>[], file: GuardFile): string[] {
  const known = new Set(measures.map(({ name }) => name));
  const gone = Object.keys(file).filter((name) => !known.has(name));
  return [
    ...measures.flatMap(({ name, ratio }) => {
      const entry = file[name];
      if (entry === undefined) return [`“${name}” has no entry: run the guard with --update.`];
      // a ratio that is not a number is no proof of speed
      if (ratio <= entry.ratio * entry.allowedFactor) return [];
      return [
        `“${name}” takes ${figure(ratio)} times as long as ${entry.baseline}, and took ${figure(entry.ratio)} times: ${figure(ratio / entry.ratio)} times its old cost, where ${figure(entry.allowedFactor)} are allowed.`,
      ];
    }),
    ...gone.map((name) => `“${name}” has an entry and was not measured: run the guard with --update.`),
  ];
}

/** The file anew; factors that somebody chose stay. */
export function updateGuard(
  measures: readonly Pick<PairMeasure, 'name' | 'baselineName' | 'ratio'>[],
  file: GuardFile,
  usualFactor: number,
): GuardFile {
  return Object.fromEntries(
    measures.map(({ name, baselineName, ratio }) => [
      name,
      {
        baseline: baselineName,
        ratio: Number(ratio.toPrecision(3)),
        allowedFactor: file[name]?.allowedFactor ?? usualFactor,
      },
    ]),
  );
}

function figure(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
