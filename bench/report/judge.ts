import { numberText } from '../../src/load/text.ts';
import type { Figure, Goal, ResultRow, Verdict } from '../result.ts';

/** Figures of Parley begin with this. */
const own = 'parley';

export function isOwn(figure: Figure): boolean {
  return figure.of.startsWith(own);
}

/** The row with verdicts and ratios on Parley's figures. */
export function judged(row: ResultRow): ResultRow {
  const figures = row.figures.map((figure) => {
    if (!isOwn(figure)) return figure;
    const ratios = ratiosOf(figure, row.figures);
    return {
      ...figure,
      ...(Object.keys(ratios).length > 0 ? { ratios } : {}),
      ...(row.goal === undefined ? {} : { verdict: verdictOf(row, row.goal, figure) }),
    };
  });
  return { ...row, figures };
}

/** Whether all of Parley's figures reach the goal; undefined where that cannot be told. */
export function isReached(row: ResultRow): boolean | undefined {
  const verdicts = row.figures.filter(isOwn).map((figure) => figure.verdict?.isReached);
  if (verdicts.includes(false)) return false;
  return verdicts.length === 0 || verdicts.includes(undefined) ? undefined : true;
}

function ratiosOf({ value }: Figure, figures: readonly Figure[]): Record<string, number> {
  if (value === undefined) return {};
  const others = figures.filter((other) => !isOwn(other) && other.value !== undefined && other.value > 0);
  return Object.fromEntries(others.map((other) => [other.of, value / other.value!]));
}

/** The goal as a value of the row's unit; undefined without one, or where it hangs on what was not measured. */
export function limitOf({ goal, figures }: ResultRow): number | undefined {
  if (goal?.times === undefined) return goal?.limit;
  const base = figures.find((figure) => figure.of === goal.times)?.value;
  return base === undefined ? undefined : goal.limit * base;
}

function verdictOf(row: ResultRow, goal: Goal, { value }: Figure): Verdict {
  if (value === undefined) return { text: 'not measured' };
  const limit = limitOf(row);
  if (limit === undefined) return { text: `cannot be told: ${goal.times} was not measured` };
  const { unit, better } = row;
  const isReached = better === 'less' ? value <= limit : value >= limit;
  const factor = goal.times === undefined ? '' : ` (${numberText((value / limit) * goal.limit)} ×)`;
  const amount = `${quantityText(Math.abs(value - limit), unit)}, ${shareOf(value, limit)}`;
  const side = value < limit ? 'below' : 'above';
  const text = value === limit ? 'exactly the limit' : `${amount} ${side} ${quantityText(limit, unit)}`;
  return { isReached, text: `${text}${factor}` };
}

function shareOf(value: number, limit: number): string {
  return limit === 0 ? '–' : `${numberText((Math.abs(value - limit) / limit) * 100)} %`;
}

export function quantityText(value: number, unit: string): string {
  return `${numberText(value)} ${unit}`;
}

export function verdictText({ isReached, text }: Verdict): string {
  return isReached === undefined ? text : `${isReached ? 'reached' : 'NOT REACHED'}: ${text}`;
}
