import { randomBytes } from 'node:crypto';
import type { Cluster } from 'ioredis';
import type { SharedStore } from '../contract.ts';
import type { AcknowledgedWrites } from './acknowledged-writes.ts';
import type { RedisKeys } from './keys.ts';
import type { NodeLog } from './node-log.ts';
import type { RedisConnection } from './redis-commands.ts';

export type LossRecovery = Pick<
  SharedStore,
  'onReturn' | 'forget' | 'intact' | 'generation' | 'rewrite' | 'acceptLoss'
>;

export interface LossRecoveryOptions {
  connection: RedisConnection;
  keys: RedisKeys;
  node: string;
  nodeLog: NodeLog;
  writes: AcknowledgedWrites;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
}

/** How a node finds out that Redis lost what it had acknowledged, and begins anew with what is left. */
export function createLossRecovery(options: LossRecoveryOptions): LossRecovery {
  const { connection, keys, node, nodeLog, writes, ask } = options;
  return {
    onReturn(callback) {
      if (!connection.isCluster) return void connection.on('ready', callback);
      const cluster = connection as Cluster;
      let masters = mastersOf(cluster);
      cluster.on('-node', callback);
      cluster.on('+node', callback);
      cluster.on('refresh', () => {
        const current = mastersOf(cluster);
        if (current === masters) return;
        masters = current;
        callback();
      });
    },
    forget: (key) => writes.forget(key),
    intact: () => ask(async () => (await nodeLog.isWhole()) && (await writes.areThere())),
    generation: (known, ends) =>
      ask(async () => {
        const random = randomBytes(6).toString('base64url');
        return String(await connection.parleyGeneration(keys.generation(), known, random, ends ? '1' : ''));
      }),
    rewrite: (batch) =>
      ask(async () => {
        // who takes over from this node finds its sessions by these
        await connection.sadd(keys.sessions(node), JSON.stringify([batch.tenant, batch.session]));
        if (batch.events.length > 0) await nodeLog.rewrite(JSON.stringify([batch]));
      }),
    acceptLoss: () =>
      ask(async () => {
        await connection.sadd(keys.nodes(), node);
        writes.clear();
        await nodeLog.acceptLoss();
      }),
  };
}

/** Which server each part of the slots is on, as one text. */
function mastersOf(cluster: Cluster): string {
  const ranges: string[] = [];
  for (const [slot, servers] of cluster.slots.entries()) {
    const master = servers?.[0];
    if (master !== cluster.slots[slot - 1]?.[0]) ranges.push(`${slot} ${master}`);
  }
  return ranges.join(',');
}
