import { stringify } from 'yaml';
import { metricUnit } from '../metric-values.ts';
import { type TimingName, timingNames } from '../metrics.ts';
import type { RunResult, TimelineEntry } from '../result.ts';
import { slopesOf, slopeText, timingTitles } from '../summary.ts';
import { bytesText, numberText, shareText, timeText } from '../text.ts';
import { distributionChart } from './distribution-chart.ts';
import { type LineChart, lineChart } from './line-chart.ts';
import { type Markup, markup } from './markup.ts';
import { page } from './page.ts';
import { table } from './table.ts';
import { thinTimeline } from './thin-timeline.ts';

/** A run as a page. */
export function reportHtml(run: RunResult): string {
  const times = timingNames.filter((name) => run.timings[name].count > 0);
  return page(
    `${run.name}: load test of ${run.at.slice(0, 16).replace('T', ' ')}`,
    markup`<header><h1>${run.name}</h1><div class="soft">${run.scenario.description}</div>
<div class="soft">${run.at.slice(0, 19).replace('T', ' ')} UTC against <code>${run.url}</code>, Parley ${run.parley}${run.commit === undefined ? '' : `, commit ${run.commit}`}</div></header>
${notes(run)}
${tiles(run)}
${thresholds(run)}
<h2>Times</h2>
${table(
  ['', 'count', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
  times.map((name) => {
    const { count, meanMs, p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs } = run.timings[name];
    return [
      timingTitles[name],
      numberText(count),
      ...[meanMs, p50Ms, p90Ms, p95Ms, p99Ms, p999Ms, maxMs].map(timeText),
    ];
  }),
)}
<div class="charts">${times.map((name) => distributionChart(timingTitles[name], run.timings[name]))}</div>
<h2>Over time</h2>
<div class="charts">${timelineCharts(run)}</div>
${tallies(run)}
${tenants(run)}
<h2>How it was measured</h2>
<p><code>${run.command}</code></p>
<p class="soft">${run.workers} worker${run.workers === 1 ? '' : 's'} on ${run.machine.cpu}, ${run.machine.cores} cores, ${bytesText(run.machine.memoryBytes)}, ${run.machine.platform}, Node ${run.machine.node}.
The generator’s event loop was late by ${timeText(run.generator.loopDelayP99Ms)} at its 99 % quantile and ${timeText(run.generator.loopDelayMaxMs)} at worst; its busiest worker used ${numberText(run.generator.busiestWorkerCores)} cores.
${slopesOf(run).map(([title, slope]) => `Server, ${title}: ${slopeText(slope)}. `)}
${run.verifySeed === undefined ? 'Texts were not compared.' : `All texts were compared with the practice upstream’s of seed ${run.verifySeed}.`}</p>
<pre>${stringify(run.scenario)}</pre>`,
  );
}

function notes({ generator, tallies }: RunResult): Markup[] {
  const broken = Object.entries(tallies.violations);
  return [
    ...broken.map(
      ([name, count]) =>
        markup`<p class="note bad">A promise of the gateway was broken ${numberText(count)} times: ${name.replaceAll('_', ' ')}.</p>`,
    ),
    ...generator.warnings.map((warning) => markup`<p class="note">${warning}</p>`),
  ];
}

function tiles(run: RunResult): Markup {
  const { firstToken, connect } = run.timings;
  const facts: [string, string][] = [
    ['turns per second', numberText(run.rates.turnsPerSecond)],
    ['tokens per second', numberText(run.rates.tokensPerSecond)],
    ...(firstToken.count > 0
      ? ([
          ['first token, p50', timeText(firstToken.p50Ms)],
          ['first token, p99', timeText(firstToken.p99Ms)],
        ] as [string, string][])
      : ([['connect, p99', timeText(connect.p99Ms)]] as [string, string][])),
    ['errors', shareText(run.errorRate)],
    ['sockets at most', numberText(Math.max(0, ...run.timeline.map((entry) => entry.openSockets)))],
    ...(run.server === undefined
      ? []
      : ([
          ['server CPU, cores', numberText(run.server.cpuCoresMean)],
          ['server memory', bytesText(run.server.memoryBytesMax)],
        ] as [string, string][])),
  ];
  return markup`<div class="tiles">${facts.map(([name, value]) => markup`<div class="tile"><b>${value}</b><span class="soft">${name}</span></div>`)}</div>`;
}

function thresholds({ thresholds: results }: RunResult): Markup | undefined {
  if (results === undefined) return undefined;
  const rows = results.map(({ metric, condition, value, isMet }) => [
    metric,
    condition,
    value === undefined ? 'not measured' : unitTexts[metricUnit(metric) ?? 'number'](value),
    isMet ? markup`<span class="good">kept</span>` : markup`<span class="bad">broken</span>`,
  ]);
  return markup`<h2>Thresholds</h2>${table(['', 'wanted', 'is', ''], rows)}`;
}

const unitTexts = { ms: timeText, share: shareText, bytes: bytesText, number: numberText };

/** In which a linear axis has round numbers. */
function megabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 2 ** 20;
}

function timelineCharts(run: RunResult): Markup[] {
  const timeline = thinTimeline(run.timeline);
  const xs = timeline.map((entry) => entry.second + 1);
  const mark = run.seconds.ramp > 0 ? { x: run.seconds.ramp, name: 'full load' } : undefined;
  const of = (value: (entry: TimelineEntry) => number | undefined): (number | undefined)[] => timeline.map(value);
  const quantiles = (name: TimingName): LineChart['series'] => [
    { name: 'p50', values: of((entry) => entry.p50Ms[name]) },
    { name: 'p99', values: of((entry) => entry.p99Ms[name]) },
  ];
  const chart = (title: string, series: LineChart['series'], text: LineChart['text'] = numberText): Markup =>
    lineChart({ title, series, text, xs, mark, isArea: series.length === 1 });
  const charts = [
    chart('Turns per second', [
      { name: 'begun', values: of((entry) => entry.turnsStarted) },
      { name: 'ended', values: of((entry) => entry.turnsEnded) },
    ]),
    chart('Tokens per second', [{ name: 'tokens', values: of((entry) => entry.tokens) }]),
  ];
  for (const name of ['firstToken', 'turn', 'gap', 'resume', 'cancel', 'connect'] as const)
    if (run.timings[name].count > 0) charts.push(chart(`Time: ${timingTitles[name]}`, quantiles(name), timeText));
  charts.push(
    chart('Errors per second', [{ name: 'errors', values: of((entry) => entry.errors) }]),
    chart('Sockets and running turns', [
      { name: 'sockets', values: of((entry) => entry.openSockets) },
      { name: 'turns', values: of((entry) => entry.runningTurns) },
    ]),
    chart('CPU in cores', [
      { name: 'generator', values: of((entry) => entry.generatorCpuCores) },
      ...(run.server === undefined ? [] : [{ name: 'server', values: of((entry) => entry.serverCpuCores) }]),
    ]),
    chart(
      'Event loop of the generator, p99 of its lateness',
      [{ name: 'late', values: of((entry) => entry.generatorLoopDelayP99Ms) }],
      timeText,
    ),
  );
  if (run.server !== undefined) {
    const heap = { name: 'heap in use', values: of((entry) => megabytes(entry.serverHeapBytes)) };
    const isTold = heap.values.some((value) => value !== undefined);
    charts.push(
      chart(
        'Memory of the server',
        [{ name: 'resident', values: of((entry) => megabytes(entry.serverMemoryBytes)) }, ...(isTold ? [heap] : [])],
        (value) => `${numberText(value)} MB`,
      ),
    );
  }
  if (run.server?.loopDelayP99Ms !== undefined)
    charts.push(
      chart(
        'Event loop of the server, p99 of its lateness',
        [{ name: 'late', values: of((entry) => entry.serverLoopDelayP99Ms) }],
        timeText,
      ),
    );
  return charts;
}

function tallies({ tallies: { statuses, errors, closes } }: RunResult): Markup[] {
  const parts: [string, Record<string, number>][] = [
    ['Ends of turns', statuses],
    ['Errors', errors],
    ['Closed by the server', closes],
  ];
  return parts
    .filter(([, tally]) => Object.keys(tally).length > 0)
    .map(([title, tally]) => {
      const rows = Object.entries(tally).sort(([, a], [, b]) => b - a);
      return markup`<h2>${title}</h2>${table(
        ['', 'count'],
        rows.map(([name, count]) => [name, numberText(count)]),
      )}`;
    });
}

function tenants({ tenants: results }: RunResult): Markup | undefined {
  const entries = Object.entries(results);
  if (entries.length < 2) return undefined;
  const rows = entries.map(([name, { turns, tokens, errors, firstToken }]) => [
    name,
    ...[turns, tokens, errors].map(numberText),
    ...[firstToken.p50Ms, firstToken.p99Ms].map(timeText),
  ]);
  return markup`<h2>Tenants</h2>${table(['', 'turns', 'tokens', 'errors', 'first token p50', 'p99'], rows)}`;
}
