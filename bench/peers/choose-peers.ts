import { startServer, startOnPort } from '../processes.ts';
import type { AbsentPeer, Peer } from './contract.ts';
import { installPackages, peerFile, peerVersion } from './installed-packages.ts';
import { installNginx, nginxVersion, startNginx } from './nginx.ts';
import { readFileSync } from 'node:fs';

/** How a peer comes about. */
export interface PeerMaker {
  /** Makes it possible to start; throws with the reason where that cannot be. */
  prepare(): void;
  make(): Omit<Peer, 'id'>;
}

const chatCompletions = { kind: 'sse', path: '/v1/chat/completions', headers: {}, body: 'chat-completions' } as const;

/** In the order of the report. */
const makers: Readonly<Record<string, PeerMaker>> = {
  nginx: {
    prepare: installNginx,
    make: () => ({
      name: 'nginx',
      version: nginxVersion(),
      does: 'Passes the bytes through: proxy_pass, proxy_buffering off, keepalive upstream, one worker.',
      cancelledBy: 'closing the connection',
      dialect: { ...chatCompletions, idlePath: '/idle' },
      start: startNginx,
    }),
  },
  portkey: {
    prepare: installPackages,
    make: () => ({
      name: 'Portkey gateway',
      version: peerVersion('@portkey-ai/gateway'),
      does: `The packaged server, provider openai with a custom host; with hono ${peerVersion('hono')}. No sessions, no token counts.`,
      cancelledBy: 'closing the connection',
      dialect: { ...chatCompletions, idlePath: '/' },
      start: startPortkey,
    }),
  },
  'ai-sdk': {
    prepare: installPackages,
    make: () => ({
      name: 'Vercel AI SDK server',
      version: peerVersion('ai'),
      does: `streamText to a UI message stream on node:http, with @ai-sdk/openai-compatible ${peerVersion('@ai-sdk/openai-compatible')}. No sessions, no token counts.`,
      cancelledBy: 'closing the connection',
      dialect: { kind: 'sse', path: '/api/chat', headers: {}, body: 'ui-messages', idlePath: '/' },
      start: (upstreamUrl, flags) => startServer('./peers/ai-sdk-server.js', [upstreamUrl], flags),
    }),
  },
  'socket.io': {
    prepare: installPackages,
    make: () => ({
      name: 'Socket.IO, msgpack',
      version: peerVersion('socket.io'),
      does: `A server that emits each token, with socket.io-msgpack-parser ${peerVersion('socket.io-msgpack-parser')}. No sessions, no log, no counts.`,
      cancelledBy: 'a cancel message',
      dialect: { kind: 'socket.io' },
      start: (upstreamUrl, flags) => startServer('./peers/socket-io-server.js', [upstreamUrl], flags),
    }),
  },
  ws: {
    prepare: () => {},
    make: () => ({
      name: 'bare ws proxy',
      version: ownVersion('ws'),
      does: 'ws and undici, a JSON message per token. No sessions, no log, no counts.',
      cancelledBy: 'a cancel message',
      dialect: { kind: 'json-socket' },
      start: (upstreamUrl, flags) => startServer('./peers/bare-ws-proxy.js', [upstreamUrl], flags),
    }),
  },
  uws: {
    prepare: () => {},
    make: () => ({
      name: 'bare uWebSockets.js proxy',
      version: ownVersion('uWebSockets.js'),
      does: 'uWebSockets.js and undici, a JSON message per token. No sessions, no log, no counts.',
      cancelledBy: 'a cancel message',
      dialect: { kind: 'json-socket' },
      start: (upstreamUrl, flags) => startServer('./peers/bare-uws-proxy.js', [upstreamUrl], flags),
    }),
  },
};

export const peerIds: readonly string[] = Object.keys(makers);

/** What can be had of them. What several need is tried once. */
export function choosePeers(
  ids: readonly string[],
  known: Readonly<Record<string, PeerMaker>> = makers,
): { peers: Peer[]; absent: AbsentPeer[] } {
  const peers: Peer[] = [];
  const absent: AbsentPeer[] = [];
  const tried = new Map<PeerMaker['prepare'], string | undefined>();
  for (const [id, { prepare, make }] of Object.entries(known)) {
    if (!ids.includes(id)) continue;
    if (!tried.has(prepare)) tried.set(prepare, failureOf(prepare));
    const reason = tried.get(prepare);
    if (reason === undefined) peers.push({ id, ...make() });
    else absent.push({ id, reason });
  }
  return { peers, absent };
}

function failureOf(prepare: () => void): string | undefined {
  try {
    prepare();
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split('\n')[0]!;
  }
}

async function startPortkey(upstreamUrl: string, nodeFlags: readonly string[] = []) {
  const program = peerFile('@portkey-ai/gateway/build/start-server.js');
  const server = await startOnPort(process.execPath, (port) => [...nodeFlags, program, `--port=${port}`, '--headless']);
  return { ...server, headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstreamUrl } };
}

function ownVersion(name: string): string {
  const manifest = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
