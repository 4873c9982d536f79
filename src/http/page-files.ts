import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  contentType: string;
  body: Uint8Array;
}

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The built chat page by request path, read once; empty where it was not built. */
export function loadPageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  // beside the compiled server, or, when run from source, where the build puts it
  const here = fileURLToPath(new URL('.', import.meta.url));
  const directory = [join(here, '../../page'), join(here, '../../dist/page')].find((path) => existsSync(path));
  if (directory === undefined) return files;
  for (const name of readdirSync(directory)) {
    const contentType = contentTypes[extname(name)];
    if (contentType === undefined) continue;
    const file = { contentType, body: readFileSync(join(directory, name)) };
    files.set(`/${name}`, file);
    if (name === 'index.html') files.set('/', file);
  }
  return files;
}
