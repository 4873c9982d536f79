import { type LineChart, lineChart } from '../../src/load/report/line-chart.ts';
import { type Markup, markup } from '../../src/load/report/markup.ts';
import { page } from '../../src/load/report/page.ts';
import { table } from '../../src/load/report/table.ts';
import { type CurveName, type CurvePoint, type CurvesResult, curveOf } from '../../src/load/sizing/curves.ts';
import { bytesText, numberText, timeText } from '../../src/load/text.ts';

const curves: { name: CurveName; store: CurvePoint['store']; title: string; unit: string; isLogX?: boolean }[] = [
  { name: 'sockets', store: 'embedded', title: 'Sockets', unit: 'sockets' },
  { name: 'streams', store: 'embedded', title: 'Streams', unit: 'streams' },
  { name: 'turns', store: 'embedded', title: 'Turns per session', unit: 'turns', isLogX: true },
  { name: 'nodes', store: 'redis', title: 'Nodes on one Redis, with the same load in all', unit: 'nodes' },
];

/** The curves as a page. */
export function curvesHtml(result: CurvesResult): string {
  const { machine } = result;
  const late = result.points.filter(({ warnings }) => warnings.length > 0);
  return page(
    `Cost curves of ${result.at.slice(0, 10)}`,
    markup`<header><h1>Cost curves</h1><div class="soft">${result.at.slice(0, 16).replace('T', ' ')} UTC${result.commit === undefined ? '' : `, commit ${result.commit}`},
${machine.cpu}, ${machine.cores} cores, ${bytesText(machine.memoryBytes)}, Node ${machine.node}; gateway, generator and upstream on one machine</div>
<div class="soft"><code>${result.command}</code></div></header>
${late.length === 0 ? undefined : markup`<p class="note">In ${late.length} of ${result.points.length} points the generator was late or busy itself, so that times are partly its own: ${late.map(({ curve, at }) => `${curve} ${numberText(at)}`).join(', ')}.</p>`}
${curves.map(({ name, store, title, unit, isLogX = false }) => section(title, unit, isLogX, curveOf(result, name, store)))}`,
  );
}

function section(title: string, unit: string, isLogX: boolean, points: readonly CurvePoint[]): Markup | undefined {
  if (points.length === 0) return undefined;
  const xs = points.map(({ at }) => at);
  const chart = (name: string, series: LineChart['series'], text: LineChart['text']): Markup =>
    lineChart({ title: name, xs, xText: numberText, isLogX, series, text });
  const of = (name: string, value: (point: CurvePoint) => number | undefined): LineChart['series'][number] => ({
    name,
    values: points.map(value),
  });
  const hasGaps = points.some(({ gap }) => gap !== undefined);
  const charts = [
    chart(
      'CPU, cores',
      [
        of('gateway', ({ cpuCores }) => cpuCores),
        ...(points[0]!.redis === undefined ? [] : [of('Redis', ({ redis }) => redis?.cpuCores)]),
      ],
      numberText,
    ),
    chart('Memory', [of('resident', ({ memoryBytes }) => memoryBytes / 2 ** 20)], (value) => `${numberText(value)} MB`),
    chart(
      'First token',
      [of('p50', ({ firstToken }) => firstToken.p50Ms), of('p99', ({ firstToken }) => firstToken.p99Ms)],
      timeText,
    ),
    ...(hasGaps
      ? [chart('Between tokens', [of('p50', ({ gap }) => gap?.p50Ms), of('p99', ({ gap }) => gap?.p99Ms)], timeText)]
      : []),
    chart('Event loop, p99 of its lateness', [of('late', ({ loopDelayP99Ms }) => loopDelayP99Ms)], timeText),
  ];
  const head = [
    unit,
    'turns/s',
    'tokens/s',
    'cores',
    'µs per token',
    'µs per turn',
    'memory',
    'first token p50',
    'p99',
    'between tokens p50',
    'p99',
    'event loop p99',
    'errors',
  ];
  return markup`<h2>${title}</h2>${table(head, points.map(cells))}<div class="charts">${charts}</div>`;
}

function cells(point: CurvePoint): string[] {
  const { cpuCores, turnsPerSecond, tokensPerSecond, firstToken, gap } = point;
  const per = (rate: number): string => (rate < 1 ? '–' : numberText((cpuCores * 1e6) / rate));
  return [
    numberText(point.at),
    numberText(turnsPerSecond),
    numberText(tokensPerSecond),
    numberText(cpuCores),
    point.curve === 'turns' || point.curve === 'sockets' ? '–' : per(tokensPerSecond),
    point.curve === 'turns' ? per(turnsPerSecond) : '–',
    bytesText(point.memoryBytes),
    timeText(firstToken.p50Ms),
    timeText(firstToken.p99Ms),
    gap === undefined ? '–' : timeText(gap.p50Ms),
    gap === undefined ? '–' : timeText(gap.p99Ms),
    timeText(point.loopDelayP99Ms),
    numberText(point.errors),
  ];
}
