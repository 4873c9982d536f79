import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { curvesHtml } from '../../../../bench/curves/curves-html.ts';
import { sizingGuide } from '../../../../bench/curves/sizing-guide.ts';
import { readCurves } from '../../../../src/load/sizing/read-curves.ts';
import { expectGenerated } from '../../../support/generated-file.ts';
import { sampleCurves } from './sample-curves.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const [begin, end] = ['<!-- sizing: from the newest curves in bench/results -->\n', '<!-- end of sizing -->\n'];

test('the README’s sizing guide is what the newest curves give', () => {
  const name = readdirSync(`${root}bench/results`)
    .filter((file) => file.endsWith('-curves.json'))
    .sort()
    .at(-1)!;
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const [before, rest] = readme.split(begin) as [string, string];
  const after = rest.slice(rest.indexOf(end));
  const guide = sizingGuide(readCurves(`${root}bench/results/${name}`), `bench/results/${name}`);
  expectGenerated('README.md', `${before}${begin}${guide}${after}`);
});

test('the guide has a row for each size and says what is extrapolated', () => {
  const text = sizingGuide(sampleCurves(), 'curves.json');
  expect(
    text.match(/^\| 1,000,000 \| 50,000 \| 2,500,000 \| 13,000 \| .*CPU \| .* \| 5,200,000, 26 \(52 servers\) \|$/m),
  ).not.toBeNull();
  expect(text.match(/^\| 1,000 \| 50 \| .* \| embedded \|$/m)).not.toBeNull();
  expect(text).toContain('Extrapolated: ');
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
});

test('the page has a chart for each figure and nothing that is not a number', () => {
  const page = curvesHtml(sampleCurves());
  expect(page.match(/<figure>/g)).toHaveLength(20);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});
