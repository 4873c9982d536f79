import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Programs of the system that the tests drive, by Debian package. */
const programs = [
  { package: 'chromium', paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'] },
  {
    package: 'redis-server',
    paths: ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'],
  },
  { package: 'openssl', paths: ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'] },
];

/** Builds what the process tests start, and installs what is missing where that can be done. */
export default function setup(): void {
  const missing = programs
    .filter(({ paths }) => !paths.some((path) => existsSync(path)))
    .map((program) => program.package);
  if (missing.length > 0) installPackages(missing);
  execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

function installPackages(names: string[]): void {
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error(`The tests need ${names.join(' and ')}. Run: sudo apt-get install -y ${names.join(' ')}`);
  }
  process.stderr.write(`installing ${names.join(' ')} for the tests\n`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env: environment });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], {
    stdio: 'inherit',
    env: environment,
  });
}

function isDebian(): boolean {
  return existsSync('/etc/debian_version') && readFileSync('/etc/os-release', 'utf8').includes('debian');
}
