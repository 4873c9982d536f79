import type { TimingResult } from '../result.ts';
import { timeText } from '../text.ts';
import { logTicks } from './axis.ts';
import { round } from './line-chart.ts';
import { type Markup, markup } from './markup.ts';

const width = 720;
const height = 170;
const box = { left: 12, right: 12, top: 30, bottom: 26 };
const bars = 80;

/** How a time is spread, over a logarithmic axis, with its median and its 99 % quantile. */
export function distributionChart(title: string, timing: TimingResult): Markup {
  const { buckets, minMicroseconds, maxMicroseconds } = timing.histogram;
  const ticks = logTicks(Math.max(1, minMicroseconds) / 1_000, Math.max(2, maxMicroseconds) / 1_000);
  const [from, to] = [Math.log10(ticks[0]!), Math.log10(ticks.at(-1)!)];
  const x = (milliseconds: number): number => {
    const place = (Math.log10(Math.max(milliseconds, ticks[0]!)) - from) / (to - from);
    return box.left + Math.min(1, place) * (width - box.left - box.right);
  };
  const barWidth = (width - box.left - box.right) / bars;
  const counts = Array.from({ length: bars }, () => 0);
  for (const [microseconds, count] of buckets) {
    const index = Math.min(bars - 1, Math.floor((x(microseconds / 1_000) - box.left) / barWidth));
    counts[index]! += count;
  }
  const most = Math.max(1, ...counts);
  const floor = height - box.bottom;
  const shapes = counts.map((count, index) => {
    if (count === 0) return undefined;
    // something is to be seen of a single one, too
    const tall = Math.max(1.5, (count / most) * (floor - box.top));
    const left = box.left + index * barWidth;
    const range = [left, left + barWidth].map((at) =>
      timeText(10 ** (from + ((at - box.left) / (width - box.left - box.right)) * (to - from))),
    );
    return markup`<rect class="bar" x="${round(left)}" y="${round(floor - tall)}" width="${round(barWidth - 1)}" height="${round(tall)}"><title>${`${range.join(' – ')}: ${count}`}</title></rect>`;
  });
  const quantiles = [
    ['p50', timing.p50Ms, 10],
    ['p99', timing.p99Ms, 22],
  ] as const;
  return markup`<figure><figcaption>${title}<span class="legend">${timing.count.toLocaleString('en-US')} times</span></figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${`Distribution of ${title}`}">
<line class="axis" x1="${box.left}" x2="${width - box.right}" y1="${floor}" y2="${floor}"/>
${ticks.map((tick, index) => markup`<line class="grid" x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${box.top}" y2="${floor}"/><text class="tick" x="${round(x(tick))}" y="${height - 8}" text-anchor="${index === 0 ? 'start' : index === ticks.length - 1 ? 'end' : 'middle'}">${timeText(tick).replace(/\.0+(?= )/, '')}</text>`)}
${shapes}
${quantiles.map(([name, value, at]) => {
  const isRight = x(value) > width * 0.8;
  return markup`<line class="mark" x1="${round(x(value))}" x2="${round(x(value))}" y1="${at - 8}" y2="${floor}"/><text class="tick strong" x="${round(x(value) + (isRight ? -4 : 4))}" y="${at}" text-anchor="${isRight ? 'end' : 'start'}">${`${name} ${timeText(value)}`}</text>`;
})}
</svg></figure>`;
}
