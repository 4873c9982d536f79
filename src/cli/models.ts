import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { importModels } from '../catalogue/import-models.ts';
import { CatalogueError, loadCatalogue } from '../catalogue/load-catalogue.ts';
import type { ModelEntry } from '../catalogue/model-entry.ts';
import { CommandError } from './command-error.ts';

/** Adds `parley models list` and `parley models import`. */
export function addModelCommands(program: Command): void {
  const models = program.command('models').description('look at the catalogue of models, or bring it up to date');
  models
    .command('list')
    .description('print what is known of models: context, input, prices')
    .option('--json', 'as JSON, all of it')
    .option('-f, --file <file...>', 'files over the models that come with Parley')
    .allowExcessArguments(false)
    .action(({ json, file }: { json?: boolean; file?: string[] }) => {
      const { entries } = wrapped(() => loadCatalogue({ files: file }));
      process.stdout.write(json === true ? `${JSON.stringify({ models: entries }, undefined, 2)}\n` : table(entries));
    });
  models
    .command('import')
    .argument('<file>', 'api.json of models.dev, or model_prices_and_context_window.json of LiteLLM')
    .description('turn a public list of models into a file of the catalogue')
    .option('-o, --out <file>', 'where to write it; otherwise it is printed')
    .allowExcessArguments(false)
    .action((file: string, { out }: { out?: string }) => importFile(file, out));
}

function importFile(file: string, out: string | undefined): void {
  const { models, skipped } = wrapped(() => {
    const asOf = statSync(file).mtime.toISOString().slice(0, 10);
    return importModels(JSON.parse(readFileSync(file, 'utf8')), asOf);
  });
  const text = `${JSON.stringify({ models }, undefined, 2)}\n`;
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
  process.stderr.write(`${models.length} models, ${skipped.length} left out\n`);
}

/** Files that cannot be read or used are the user's to mend. */
function wrapped<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof CatalogueError) throw new CommandError(error.message, 2);
    throw new CommandError(`The file cannot be read: ${(error as Error).message}`, 2);
  }
}

function table(entries: readonly Readonly<ModelEntry>[]): string {
  const head = ['provider', 'model', 'context', 'output', 'input', 'in $/M', 'out $/M', 'as of'];
  const rows = entries.map((entry) => [
    entry.provider,
    entry.model,
    String(entry.contextTokens),
    String(entry.maxOutputTokens ?? ''),
    entry.input.join(' '),
    String(entry.price?.input ?? ''),
    String(entry.price?.output ?? ''),
    entry.asOf,
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return `${[head, ...rows].map(line).join('\n')}\n`;
}
