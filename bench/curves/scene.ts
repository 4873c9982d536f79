import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFile } from '../peers/parley.ts';
import { type ServerProcess, startGateway, startServer } from '../processes.ts';
import { startRedis } from '../redis.ts';

/** Of a session, as much goes to the model with each turn. */
export const windowTokens = 2_048;

export interface SceneOptions {
  /** Flags of `parley practice-upstream`. */
  upstream: readonly string[];
  store: 'embedded' | 'redis';
  nodes: number;
  nodeFlags?: readonly string[];
}

/** Gateways in processes of their own, as an operator starts them, in front of a practice upstream. */
export interface Scene {
  gateways: readonly ServerProcess[];
  redis: ServerProcess | undefined;
  stop(): Promise<void>;
}

/** Undefined where a Redis is needed and none is installed. */
export async function startScene({
  upstream: flags,
  store,
  nodes,
  nodeFlags = [],
}: SceneOptions): Promise<Scene | undefined> {
  const redis = store === 'redis' ? await startRedis() : undefined;
  if (store === 'redis' && redis === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const upstream = await startServer('../src/main.js', ['practice-upstream', '--port', '0', ...flags]);
  // for usage it would have to count each prompt: that is its work, and it shares these cores
  const config = configFile(directory, upstream.url, { windowTokens, upstream: 'includeUsage: false' });
  const gateways: ServerProcess[] = [];
  for (let node = 0; node < nodes; node++)
    gateways.push(
      await startGateway(
        ['--config', config, ...(redis === undefined ? ['--data', join(directory, 'data')] : ['--store', redis.url])],
        nodeFlags,
      ),
    );
  return {
    gateways,
    redis,
    async stop() {
      for (const server of [...gateways, upstream]) await server.stop();
      await redis?.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
