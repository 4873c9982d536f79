import { linearTicks, logTicks } from './axis.ts';
import { type Markup, markup } from './markup.ts';

export interface Series {
  name: string;
  /** By index of `xs`; undefined is a gap. */
  values: readonly (number | undefined)[];
}

export interface LineChart {
  title: string;
  /** Ascending; seconds of the run, unless `xText` says what else. */
  xs: readonly number[];
  xText?: (x: number) => string;
  /** A logarithmic axis, for points at 10, 100, 1,000. */
  isLogX?: boolean;
  series: readonly Series[];
  text: (value: number) => string;
  /** Fills below the first line. */
  isArea?: boolean;
  /** A vertical line, such as the end of the ramp. */
  mark?: { x: number; name: string } | undefined;
}

const width = 720;
const height = 220;
const box = { left: 64, right: 12, top: 14, bottom: 26 };

/** Lines over time as one SVG; what the values are is told on hovering, and by the table for those who cannot. */
export function lineChart(chart: LineChart): Markup {
  const { title, xs, series, text, xText = (x) => `${x} s`, isLogX = false, isArea = false, mark } = chart;
  const all = series.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const ticks = linearTicks(Math.max(0, ...all), 4);
  const top = ticks.at(-1)!;
  const last = Math.max(1, xs.at(-1) ?? 1);
  const xTicks = isLogX
    ? logTicks(Math.max(1e-9, xs[0] ?? 1), last)
    : linearTicks(last, 6).filter((tick) => tick <= last);
  const [low, high] = isLogX ? [Math.log10(xTicks[0]!), Math.log10(xTicks.at(-1)!)] : [0, last];
  const x = (value: number): number => {
    const place = ((isLogX ? Math.log10(value) : value) - low) / Math.max(1e-9, high - low);
    return box.left + place * (width - box.left - box.right);
  };
  const y = (value: number): number => height - box.bottom - (value / top) * (height - box.top - box.bottom);
  /** Half way to the neighbours. */
  const edge = (index: number): number =>
    index <= 0 ? box.left : index >= xs.length ? width - box.right : (x(xs[index - 1]!) + x(xs[index]!)) / 2;
  const legend = series.map(
    ({ name }, index) => markup`<span class="key"><i class="swatch s${index + 1}"></i>${name}</span>`,
  );
  const told = xs.map((at, index) => {
    const values = series.map(
      ({ name, values }) => `${name} ${values[index] === undefined ? '–' : text(values[index])}`,
    );
    return markup`<rect class="hover" x="${round(edge(index))}" y="${box.top}" width="${round(edge(index + 1) - edge(index))}" height="${height - box.top - box.bottom}"><title>${`${xText(at)}: ${values.join(', ')}`}</title></rect>`;
  });
  return markup`<figure><figcaption>${title}<span class="legend">${legend}</span></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
${ticks.map((tick) => markup`<line class="grid" x1="${box.left}" x2="${width - box.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/><text class="tick" x="${box.left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${text(tick)}</text>`)}
${xTicks.map((tick) => markup`<text class="tick" x="${round(x(tick))}" y="${height - 8}" text-anchor="${x(tick) > width - 2 * box.right ? 'end' : 'middle'}">${xText(tick)}</text>`)}
${mark && markup`<line class="mark" x1="${round(x(mark.x))}" x2="${round(x(mark.x))}" y1="${box.top}" y2="${height - box.bottom}"/><text class="tick" x="${round(x(mark.x) + 4)}" y="${box.top + 8}">${mark.name}</text>`}
${isArea && series[0] !== undefined ? markup`<path class="area s1" d="${areaPath(xs, series[0].values, x, y)}"/>` : undefined}
${series.map(({ values }, index) => markup`<path class="line s${index + 1}" d="${linePath(xs, values, x, y)}"/>`)}
${told}
</svg></figure>`;
}

type Scale = (value: number) => number;

function linePath(xs: readonly number[], values: readonly (number | undefined)[], x: Scale, y: Scale): string {
  let path = '';
  let isDown = false;
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      isDown = false;
      continue;
    }
    const isAlone = !isDown && values[index + 1] === undefined;
    path += `${isDown ? 'L' : 'M'}${round(x(xs[index]!))} ${round(y(value))}${isAlone ? 'h0' : ''}`;
    isDown = true;
  }
  return path;
}

function areaPath(xs: readonly number[], values: readonly (number | undefined)[], x: Scale, y: Scale): string {
  if (xs.length === 0) return '';
  const points = values.map((value, index) => `L${round(x(xs[index]!))} ${round(y(value ?? 0))}`);
  return `M${round(x(xs[0]!))} ${round(y(0))}${points.join('')}L${round(x(xs.at(-1)!))} ${round(y(0))}Z`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
