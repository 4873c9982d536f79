import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reportHtml } from '../../../bench/report/report-html.ts';
import { resultSchema } from '../../../bench/report/result-schema.ts';
import { tableOf } from '../../../bench/report/table-text.ts';
import { sampleResult, sampleRow } from './sample-result.ts';

const results = new URL('../../../bench/results/', import.meta.url);
const goal = { text: '≤ 1.5 × nginx', limit: 1.5, times: 'nginx' };
const file = sampleResult(sampleRow({ parley: 21, nginx: 12, portkey: undefined }, goal));

test('what a run writes, and what is kept of runs, is of the format', () => {
  expect(() => resultSchema.parse(JSON.parse(JSON.stringify(file)))).not.toThrow();
  for (const name of readdirSync(results).filter((name) => name.endsWith('.json'))) {
    const kept = JSON.parse(readFileSync(new URL(name, results), 'utf8')) as { format?: string };
    if (kept.format === file.format) expect(resultSchema.safeParse(kept).error, name).toBeUndefined();
  }
});

test('the page needs nothing from elsewhere, and names are no markup', () => {
  const html = reportHtml(file);
  expect(html).not.toMatch(/(?:src|href)="(?!data:)|url\(|@import|<script/);
  expect(html).toContain('&#60;parley&#62;');
  expect(html).not.toContain('<parley>');
});

test('the page says on what, from what and how it was measured, and what was not reached', () => {
  const html = reportHtml(file);
  for (const part of [
    'abc1234',
    'npm run bench',
    'EPYC',
    'v20.20.2',
    'User and system time',
    '≤ 1.5 × nginx',
    '× 1.75',
  ])
    expect(html).toContain(part);
  expect(html).toContain('not reached</span>: 3 µs, 16.7 % above 18 µs (1.75 ×)');
  expect(html).toContain('it broke');
});

test('a cut, quick or disturbed run and a missing peer are told at the top', () => {
  const { finishedAt: _finished, ...cut } = file;
  const html = reportHtml({
    ...cut,
    command: 'npm run bench -- --quick',
    machine: { ...file.machine, loadBefore: 3 },
    absent: [{ id: 'portkey', reason: 'the registry was not reached' }],
  });
  expect(html.match(/class="note"/g)).toHaveLength(4);
  expect(html).toContain('portkey was left out: the registry was not reached');
});

test('the table for a terminal has a block per row', () => {
  expect(tableOf(file)).toBe(
    '\nCPU per streamed token   goal ≤ 1.5 × nginx\n' +
      '  <parley>            21 µs  NOT REACHED: 3 µs, 16.7 % above 18 µs (1.75 ×)\n' +
      '  <nginx>             12 µs  <parley> is × 1.75\n' +
      '  <portkey>               –  it broke\n',
  );
});

test('a row that was not reached says what a profile shows, in the terminal and on the page', () => {
  const profile = 'The profile shows <much>.';
  const profiled = sampleResult({ ...sampleRow({ parley: 21 }, { text: '≤ 4 µs', limit: 4 }), profile });
  expect(tableOf(profiled)).toContain('\n  Not reached. The profile shows <much>.\n');
  expect(reportHtml(profiled)).toContain('<b>Not reached.</b> The profile shows &#60;much&#62;.');
});
