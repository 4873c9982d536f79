import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** From the built file's place: what is pinned; it is installed beside. */
const sources = fileURLToPath(new URL('../../../bench/peers/packages/', import.meta.url));
const folder = `${sources}../installed/`;
const manifests = ['package.json', 'package-lock.json'];

/** Installs what packages/package.json pins, unless it is there. Throws where the registry cannot be reached. */
export function installPackages(): void {
  const isInstalled = manifests.every(
    (file) => existsSync(folder + file) && readFileSync(folder + file).equals(readFileSync(sources + file)),
  );
  if (isInstalled && existsSync(`${folder}node_modules/.package-lock.json`)) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of manifests) copyFileSync(sources + file, folder + file);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['ci', ...flags], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000 });
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
