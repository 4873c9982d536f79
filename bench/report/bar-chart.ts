import { type Markup, markup } from '../../src/load/report/markup.ts';
import { numberText } from '../../src/load/text.ts';
import type { ResultRow } from '../result.ts';
import { isOwn, limitOf } from './judge.ts';

const width = 720;
const line = 24;
const box = { left: 190, right: 96, top: 22 };
/** Bars are cut at so many times what is worth seeing, and say so. */
const longest = 3;

/** A row's figures as bars, Parley's in their own colour, the goal as a line. */
export function barChart(row: ResultRow): Markup {
  const measured = row.figures.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const limit = limitOf(row);
  const worthSeeing = Math.max(limit ?? 0, ...row.figures.filter(isOwn).map(({ value }) => value ?? 0));
  const most = Math.max(...measured, limit ?? 0);
  const end = (worthSeeing > 0 ? Math.min(most, longest * worthSeeing) : most) || 1;
  const x = (value: number): number =>
    Math.round(box.left + (Math.max(0, value) / end) * (width - box.left - box.right));
  const height = box.top + row.figures.length * line + 4;
  const bars = row.figures.map((figure, i) => {
    const top = box.top + i * line;
    const isCut = figure.value !== undefined && figure.value > end;
    const right = figure.value === undefined ? box.left : x(Math.min(end, figure.value));
    const text = figure.value === undefined ? 'none' : `${isCut ? '» ' : ''}${numberText(figure.value)}`;
    return markup`<g><title>${`${figure.name}: ${text} ${row.unit}`}</title>
<text class="tick${isOwn(figure) ? ' strong' : ''}" x="${box.left - 8}" y="${top + 15}" text-anchor="end">${figure.name}</text>
<rect class="${isOwn(figure) ? 'own' : 'other'}" x="${box.left}" y="${top + 3}" width="${Math.max(figure.value === undefined ? 0 : 1, right - box.left)}" height="${line - 8}" rx="2"/>
<text class="tick strong" x="${right + 6}" y="${top + 15}">${text}</text></g>`;
  });
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${row.measure}">
<line class="axis" x1="${box.left}" x2="${box.left}" y1="${box.top}" y2="${height - 4}"/>
${bars}
${limit !== undefined && limit <= end ? goalLine(x(limit), height, row) : undefined}
</svg>`;
}

function goalLine(at: number, height: number, { goal }: ResultRow): Markup {
  const anchor = at > width * 0.7 ? 'end' : 'middle';
  return markup`<line class="mark" x1="${at}" x2="${at}" y1="${box.top - 4}" y2="${height - 4}"/><text class="tick" x="${at}" y="${box.top - 9}" text-anchor="${anchor}">${`goal: ${goal!.text}`}</text>`;
}
