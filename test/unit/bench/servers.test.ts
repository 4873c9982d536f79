import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const bench = new URL('../../../bench/', import.meta.url);

test('every server that a bench starts has its source: a build keeps files whose source is gone', () => {
  const sources = readdirSync(bench, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.includes('node_modules'),
  );
  const started = sources.flatMap((name) => {
    const text = readFileSync(new URL(name, bench), 'utf8');
    return [...text.matchAll(/startServer\(\s*'([^']+)\.js'/g)].map(([, file]) => `${file}.ts`);
  });
  expect(started.length).toBeGreaterThan(3);
  for (const file of started) expect(existsSync(new URL(file, bench)), file).toBe(true);
});
