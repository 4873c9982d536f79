import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Compares a generated text with the file in git; `PARLEY_UPDATE=1` writes it instead. */
export function expectGenerated(pathFromRoot: string, text: string): void {
  const path = fileURLToPath(new URL(`../../${pathFromRoot}`, import.meta.url));
  if (process.env.PARLEY_UPDATE) writeFileSync(path, text);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
  expect(current, `${pathFromRoot} is out of date; run PARLEY_UPDATE=1 npm test -- ${pathFromRoot.split('/')[0]}`).toBe(
    text,
  );
}
