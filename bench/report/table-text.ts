import { numberText } from '../../src/load/text.ts';
import type { Figure, ResultFile, ResultRow } from '../result.ts';
import { isOwn, quantityText, verdictText } from './judge.ts';

/** The result for a terminal: a block per row, Parley first. */
export function tableOf({ rows }: ResultFile): string {
  return rows.map(blockOf).join('');
}

function blockOf(row: ResultRow): string {
  const goal = row.goal === undefined ? '' : `   goal ${row.goal.text}`;
  const width = Math.max(...row.figures.map(({ name }) => name.length));
  const lines = row.figures.map((figure) => {
    const value = figure.value === undefined ? '–' : quantityText(figure.value, row.unit);
    return `  ${figure.name.padEnd(width)}  ${value.padStart(14)}  ${remarksOf(row, figure).join('; ')}`.trimEnd();
  });
  const profile = row.profile === undefined ? '' : `  Not reached. ${row.profile}\n`;
  return `\n${row.measure}${goal}\n${lines.join('\n')}\n${profile}`;
}

function remarksOf(row: ResultRow, figure: Figure): string[] {
  const remarks: string[] = [];
  if (figure.verdict !== undefined) remarks.push(verdictText(figure.verdict));
  if (!isOwn(figure))
    for (const own of row.figures.filter(isOwn)) {
      const ratio = own.ratios?.[figure.of];
      if (ratio !== undefined) remarks.push(`${own.name} is × ${numberText(ratio)}`);
    }
  for (const [name, value] of Object.entries(figure.details ?? {})) remarks.push(`${numberText(value)} ${name}`);
  if (figure.note !== undefined) remarks.push(figure.note);
  return remarks;
}
