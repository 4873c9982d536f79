import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerProcess, startOnPort } from '../processes.ts';

const paths = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'];

/** Its place; installed first where it is missing, this is Debian and we may. Throws with what to do otherwise. */
export function installNginx(): void {
  if (findNginx() !== undefined) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (!mayInstall) throw new Error('nginx is not installed; run: sudo apt-get install nginx-light');
  const options = {
    stdio: 'ignore',
    timeout: 180_000,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  } as const;
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'nginx-light'], options);
}

export function nginxVersion(): string {
  const version = execFileSync('sh', ['-c', `${findNginx()} -v 2>&1`], { encoding: 'utf8' });
  return /nginx\/(\S+)/.exec(version)?.[1] ?? 'unknown';
}

/** One worker that passes the upstream's answers through unread. */
export async function startNginx(upstreamUrl: string): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-nginx-'));
  const file = join(directory, 'nginx.conf');
  const server = await startOnPort(findNginx()!, (port) => {
    writeFileSync(file, configOf(directory, port, new URL(upstreamUrl).host));
    return ['-p', directory, '-c', file, '-e', join(directory, 'error.log')];
  });
  return {
    ...server,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The directives of its own documentation for server-sent events; no access log, as the others write none. */
function configOf(directory: string, port: number, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
worker_rlimit_nofile ${openFilesAtMost()};
pid ${directory}/nginx.pid;
events { worker_connections 16000; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  upstream provider { server ${upstream}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location = /idle { return 200; }
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 3600s;
    }
  }
}
`;
}

function openFilesAtMost(): string {
  return /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '16384';
}

function findNginx(): string | undefined {
  return paths.find((path) => existsSync(path));
}
