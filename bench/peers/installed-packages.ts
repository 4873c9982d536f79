import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** From the built file's place: what is pinned; it is installed beside. */
const sources = fileURLToPath(new URL('../../../bench/peers/packages/', import.meta.url));
const folder = `${sources}../installed/`;
const manifests = ['package.json', 'package-lock.json'];

/** A registry that is not there is found out within seconds, one that stumbles is asked again. */
const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=2000'];

/**
 * Installs what `from`/package.json pins into `into`, unless it is there. Throws, in one sentence, why that cannot be:
 * mostly because the registry (npm's own setting, `npm_config_registry`) cannot be reached.
 */
export function installPackages(from: string = sources, into: string = folder): void {
  const isInstalled = manifests.every(
    (file) => existsSync(into + file) && readFileSync(into + file).equals(readFileSync(from + file)),
  );
  if (isInstalled && existsSync(`${into}node_modules/.package-lock.json`)) return;
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  for (const file of manifests) copyFileSync(from + file, into + file);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...patience];
  try {
    execFileSync('npm', ['ci', ...flags], { cwd: into, stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000 });
  } catch (error) {
    throw new Error(`its packages could not be installed: ${reasonOf(error)}.`, { cause: error });
  }
}

/** Of npm's lines on the error the one that says what failed; they begin with "npm error", or before npm 10 with "npm ERR!". */
function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: string; stderr?: Buffer };
  if (code === 'ENOENT') return 'there is no npm';
  if (code === 'ETIMEDOUT') return 'npm took longer than three minutes';
  const lines = (stderr ?? '').toString().split('\n');
  const said = lines.map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim());
  const failed = said.find((line) => line !== '' && !/^(?:code|syscall|errno|path|network) /.test(line));
  return failed?.replace(/^\w*Error: /, '').replace(/\.$/, '') ?? 'npm failed and said nothing';
}

const requireInstalled = createRequire(`${folder}package.json`);

/** What the package exports; its types are the caller's, as it is no dependency of the project. */
export function requirePeer(name: string): unknown {
  return requireInstalled(name);
}

export function peerFile(path: string): string {
  return `${folder}node_modules/${path}`;
}

export function peerVersion(name: string): string {
  return (JSON.parse(readFileSync(peerFile(`${name}/package.json`), 'utf8')) as { version: string }).version;
}

export function msgpackParser(): unknown {
  return requirePeer('socket.io-msgpack-parser');
}

interface ClientSocket {
  on(event: string, listener: (value: never) => void): void;
  emit(event: string, value: unknown): void;
  disconnect(): void;
}

export interface SocketIoClient {
  io(url: string, options: object): ClientSocket;
}
