import { type Markup, markup } from '../../src/load/report/markup.ts';
import { page } from '../../src/load/report/page.ts';
import { table } from '../../src/load/report/table.ts';
import { bytesText, numberText } from '../../src/load/text.ts';
import type { Figure, ResultFile, ResultRow } from '../result.ts';
import { barChart } from './bar-chart.ts';
import { isOwn, isReached, quantityText } from './judge.ts';

const style = `
.own { fill: var(--s1); } .other { fill: var(--soft); opacity: .55; }
td small { display: block; color: var(--soft); }
section.row { margin: 0 0 1.4rem; } section.row h3 { font-size: 1rem; margin: 0 0 .2rem; } section.row p { margin: .2rem 0 .5rem; font-size: .86rem; }
section.row ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .86rem; color: var(--soft); }
details { font-size: .86rem; } summary { cursor: pointer; color: var(--soft); } .many th { white-space: normal; min-width: 4.5rem; } .many th, .many td { padding: .3rem .5rem; }
.many td:first-child { white-space: normal; min-width: 13rem; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); }
.prose td, .prose th { white-space: normal; text-align: left; vertical-align: top; } .tag { font-weight: 600; }
.goals td:nth-child(2), .goals td:nth-child(3), .goals td:nth-child(4) { white-space: nowrap; } .goals td:first-child { min-width: 12rem; }
`;

/** The result of a run as a page: what one would attach to a decision. */
export function reportHtml(file: ResultFile): string {
  const goals = file.rows.filter((row) => row.goal !== undefined);
  const beside = file.rows.filter(
    (row) => row.method !== undefined && (row.figures.length > 1 || row.profile !== undefined),
  );
  const parts = file.rows.filter((row) => row.method === undefined);
  return page(
    `Parley beside its peers, ${file.at.slice(0, 10)}`,
    markup`<header><h1>Parley beside its peers</h1>
<div class="soft">${file.at.slice(0, 16).replace('T', ' ')} UTC, commit <code>${file.commit}</code>, ${file.machine.cpu}, ${file.machine.cores} cores, ${bytesText(file.machine.memoryBytes)}, ${file.machine.platform}, Node ${file.machine.node}</div>
<div class="soft"><code>${file.command}</code></div></header>
${warnings(file)}
${tiles(goals)}
<h2>Goals</h2>
${goalTable(goals)}
${sideBySide(file)}
<h2>Measure by measure</h2>
<div class="charts wide">${beside.map(section)}</div>
<h2>Who was measured</h2>
<div class="prose">${table(
      ['', 'version', 'what it does', 'an answer is ended by'],
      file.contenders.map(({ name, version, does, cancelledBy }) => [name, version, does, cancelledBy]),
    )}</div>
${caveats(file)}
${parts.length > 0 ? markup`<h2>Parts alone</h2>${partsTable(parts)}` : undefined}`,
    style,
  );
}

function warnings({ finishedAt, command, absent, machine }: ResultFile): Markup[] {
  const texts = [
    ...(finishedAt === undefined ? ['The run was cut: this is what it had until then.'] : []),
    ...(command.includes('--quick')
      ? ['A quick run: it shows that everything can be measured, and is nothing to decide by.']
      : []),
    ...(machine.loadBefore > 0.5
      ? [
          `The machine was busy before the run (load ${numberText(machine.loadBefore)}): times and rates are worse than they would be alone.`,
        ]
      : []),
    ...absent.map(({ id, reason }) => `${id} was left out: ${reason}`),
  ];
  return texts.map((text) => markup`<p class="note">${text}</p>`);
}

function tiles(goals: readonly ResultRow[]): Markup {
  const count = (wanted: boolean): string => String(goals.filter((row) => isReached(row) === wanted).length);
  const facts: [string, string][] = [
    [`${count(true)} of ${goals.length}`, 'goals reached'],
    [count(false), 'not reached'],
  ];
  for (const id of ['cpu-per-token', 'token-delay-p50', 'turns-per-second', 'cancel-p50', 'idle-memory']) {
    const row = goals.find((goal) => goal.id === id);
    const value = row?.figures.find(isOwn)?.value;
    if (row !== undefined && value !== undefined) facts.push([quantityText(value, row.unit), shortName(row)]);
  }
  return markup`<div class="tiles">${facts.map(([value, name]) => markup`<div class="tile"><b>${value}</b><span class="soft">${name}</span></div>`)}</div>`;
}

/** Without the conditions behind the first comma. */
function shortName(row: ResultRow): string {
  return row.measure.split(/, | \(/)[0]!;
}

function goalTable(goals: readonly ResultRow[]): Markup {
  const rows = goals.flatMap((row) =>
    row.figures
      .filter(isOwn)
      .map((figure, i) => [
        i === 0 ? row.measure : '',
        i === 0 ? row.goal!.text : '',
        figure.name,
        figure.value === undefined ? '–' : quantityText(figure.value, row.unit),
        verdictMarkup(figure),
      ]),
  );
  return markup`<div class="prose goals">${table(['', 'goal', '', 'measured', ''], rows)}</div>`;
}

function verdictMarkup({ verdict, note }: Figure): Markup {
  const { isReached: reached, text } = verdict ?? { text: '' };
  const tag =
    reached === undefined
      ? undefined
      : markup`<span class="tag ${reached ? 'good' : 'bad'}">${reached ? 'reached' : 'not reached'}</span>: `;
  return markup`${tag}${text}${note === undefined ? undefined : markup`<small>${note}</small>`}`;
}

/** Measures as lines, contenders as columns, with Parley's value divided by each. */
function sideBySide({ rows, contenders }: ResultFile): Markup | undefined {
  const peers = contenders.filter(({ id }) => !id.startsWith('parley'));
  const shown = rows.filter(({ figures }) => peers.some(({ id }) => figures.some(({ of }) => of === id)));
  if (shown.length === 0) return undefined;
  const cell = (row: ResultRow, id: string): Markup => {
    const figure = row.figures.find(({ of }) => of === id);
    if (figure?.value === undefined) return markup`–`;
    const ratio = row.figures.find(isOwn)?.ratios?.[id];
    return markup`${numberText(figure.value)}${ratio === undefined ? undefined : markup`<small>× ${numberText(ratio)}</small>`}`;
  };
  return markup`<h2>Side by side</h2>
<p class="soft">Below each peer’s value: how many times as much Parley with its embedded store takes (or, of turns per second, makes). A dash: there is none, or it was not reached; why is told below.</p>
<div class="many">${table(
    ['', 'unit', ...contenders.map(({ name }) => name)],
    shown.map((row) => [
      row.measure,
      markup`${row.unit}<small>${row.better === 'less' ? 'less is better' : 'more is better'}</small>`,
      ...contenders.map(({ id }) => cell(row, id)),
    ]),
  )}</div>`;
}

function section(row: ResultRow): Markup {
  const noted = row.figures.filter((figure) => figure.note !== undefined);
  return markup`<section class="row"><h3>${row.measure}, ${row.unit}</h3>
<p class="soft">${row.method}</p>
${barChart(row)}
${row.profile === undefined ? undefined : markup`<p><b>Not reached.</b> ${row.profile}</p>`}
${noted.length > 0 ? markup`<ul>${noted.map(({ name, note }) => markup`<li>${name}: ${note}</li>`)}</ul>` : undefined}
${detailsTable(row)}</section>`;
}

/** What else was seen meanwhile: contenders as lines. */
function detailsTable({ figures }: ResultRow): Markup | undefined {
  const columns = [...new Set(figures.flatMap(({ details }) => Object.keys(details ?? {})))];
  if (columns.length === 0) return undefined;
  const seen = figures.filter(({ details }) => details !== undefined);
  return markup`<details><summary>What else was seen</summary>${table(
    ['', ...columns],
    seen.map(({ name, details }) => [
      name,
      ...columns.map((column) => (details?.[column] === undefined ? '' : numberText(details[column]))),
    ]),
  )}</details>`;
}

function caveats({ machine }: ResultFile): Markup {
  const texts = [
    `Servers, upstream and clients share ${machine.cores} cores over loopback: there is no network in these times, and a server that needs a whole core leaves the others little. Ratios of one run carry over to other machines, absolute values do not.`,
    'The peers do less: none of them keeps sessions, a log that survives a crash, or exact token counts. What is compared is the price of a token’s way, not of a feature.',
    'Each was measured once, one after another; figures that differ by less than a tenth may differ by chance. A bar with » is longer than the picture.',
    'CPU time is what the kernel counts, in hundredths of a second over the whole measure. The delay of the event loop is the 99 % quantile of how late the process’s own timer was; only Parley tells it.',
  ];
  return markup`<h2>What to bear in mind</h2><ul>${texts.map((text) => markup`<li>${text}</li>`)}</ul>`;
}

function partsTable(rows: readonly ResultRow[]): Markup {
  return markup`<div class="prose">${table(
    ['', 'measured', 'beside', 'ratio', ''],
    rows.map(({ measure, unit, figures: [own, other] }) => [
      measure,
      own?.value === undefined ? '–' : quantityText(own.value, unit),
      other?.value === undefined ? '' : `${quantityText(other.value, unit)} (${other.name})`,
      own?.ratios?.[other?.of ?? ''] === undefined ? '' : `× ${numberText(own.ratios[other!.of]!)}`,
      own?.note ?? '',
    ]),
  )}</div>`;
}
