import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { choosePeers, type PeerMaker } from '../../../bench/peers/choose-peers.ts';
import { installPackages } from '../../../bench/peers/installed-packages.ts';
import { freePort } from '../../../bench/processes.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

const make = () => ({ name: 'A peer' }) as ReturnType<PeerMaker['make']>;

/** Folders for `installPackages`: one package is pinned. */
function pinned(): [from: string, into: string] {
  const directory = temporaryDirectory();
  const from = `${join(directory, 'packages')}/`;
  mkdirSync(from);
  const manifest = { name: 'peers', version: '1.0.0', dependencies: { 'a-peer': '1.0.0' } };
  const entry = { version: '1.0.0', resolved: 'https://registry.npmjs.org/a-peer/-/a-peer-1.0.0.tgz' };
  const lock = { ...manifest, lockfileVersion: 3, packages: { '': manifest, 'node_modules/a-peer': entry } };
  writeFileSync(`${from}package.json`, JSON.stringify(manifest));
  writeFileSync(`${from}package-lock.json`, JSON.stringify(lock));
  return [from, `${join(directory, 'installed')}/`];
}

test('peers whose packages cannot be fetched are left out with one sentence, and the others are there', {
  timeout: 90_000,
}, async () => {
  const registry = `http://127.0.0.1:${await freePort()}/`;
  vi.stubEnv('npm_config_registry', registry);
  vi.stubEnv('npm_config_cache', temporaryDirectory());
  const [from, into] = pinned();
  const prepare = vi.fn<() => void>(() => installPackages(from, into));
  const { peers, absent } = choosePeers(['a', 'b', 'c'], {
    a: { prepare, make },
    b: { prepare: () => {}, make },
    c: { prepare, make },
    d: { prepare: expect.unreachable, make },
  });
  vi.unstubAllEnvs();
  expect(peers.map(({ id }) => id)).toEqual(['b']);
  expect(absent.map(({ id }) => id)).toEqual(['a', 'c']);
  expect(absent[1]!.reason).toBe(absent[0]!.reason);
  expect(absent[0]!.reason).toMatch(/^its packages could not be installed: request to http:\S+ failed, .*ECONNREFUSED/);
  expect(absent[0]!.reason).toContain(registry);
  expect(absent[0]!.reason).not.toContain('\n');
  expect(prepare).toHaveBeenCalledTimes(1);
});

test('a machine without npm', () => {
  vi.stubEnv('PATH', '/nowhere');
  const [from, into] = pinned();
  const install = () => installPackages(from, into);
  expect(install).toThrow('its packages could not be installed: there is no npm.');
  vi.unstubAllEnvs();
});
