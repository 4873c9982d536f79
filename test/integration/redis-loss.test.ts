import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../clients/node/index.ts';
import type { Gateway } from '../../src/gateway/create-gateway.ts';
import { silentLogger } from '../../src/telemetry/contract.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { printVerdictLine, tally } from '../support/print-verdict.ts';
import { PersistentClient, until } from '../support/persistent-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { tellTruth } from '../support/truth.ts';

let count = 0;
const newPrefix = (): string => `l${process.pid}_${count++}`;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function ownRedis(args: string[], port?: number): Promise<RedisServer> {
  const server = await startRedisServer(args, port);
  onTestFinished(() => server.stop());
  return server;
}

/** Sessions with a client on either node: some idle with history, some with a turn that runs on A or on B. */
class Scene {
  readonly lost: string[] = [];
  readonly turns: string[] = [];
  readonly pairs: [PersistentClient, PersistentClient][] = [];
  a!: Gateway;
  b!: Gateway;

  static async start(store: string): Promise<Scene> {
    const scene = new Scene();
    const upstream = createScriptedUpstream(tellTruth(60));
    const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), store };
    scene.a = await startTestGateway({ ...options, onLeaseLost: () => scene.lost.push('a') });
    scene.b = await startTestGateway({ ...options, onLeaseLost: () => scene.lost.push('b') });
    for (let i = 0; i < 6; i++) {
      const [onA, onB] = [scene.a, scene.b].map(({ url }) => new PersistentClient(() => url, `s-${i}`));
      scene.pairs.push([onA!, onB!]);
    }
    await until(() => scene.clients.every((client) => client.life !== undefined));
    return scene;
  }

  get clients(): PersistentClient[] {
    return this.pairs.flat();
  }

  /** How many clients were told `snapshot`. */
  get snapshots(): number {
    return this.clients.filter((client) => client.attached.some(({ outcome }) => outcome === 'snapshot')).length;
  }

  /** Turns on the first sessions, sent to either node; waits until all are seen on both. */
  async begin(sessions: number): Promise<void> {
    const ids = this.pairs.slice(0, sessions).map((pair, i) => {
      const id = newTurnId();
      pair[i % 2]!.send(id);
      this.turns[i] = id;
      return id;
    });
    await until(() =>
      this.pairs.slice(0, sessions).every((pair, i) => pair.every((one) => one.textOf(ids[i]!) !== '')),
    );
  }

  /** Every turn ends, another one after it, and nobody's log has a hole, a mix or a second end. */
  async finish(): Promise<void> {
    await Promise.all(this.pairs.map(([onA], i) => (this.turns[i] === undefined ? [] : onA.complete(this.turns[i]!))));
    const after = this.pairs.map(newTurnId);
    await Promise.all(this.pairs.map(([, onB], i) => onB.complete(after[i]!)));
    for (const [i, [onA, onB]] of this.pairs.entries()) {
      for (const turn of [this.turns[i], after[i]].filter((id) => id !== undefined)) {
        // its end may have been seen before it was lost
        await onA.complete(turn);
        await until(() => onB.endOf(turn));
        expect(onA.endOf(turn)).toEqual(onB.endOf(turn));
        expect(onA.textOf(turn)).toBe(onB.textOf(turn));
      }
      expect(onA.life!.epoch).toBe(onB.life!.epoch);
      // what a client of now reads is what those of before hold
      const fresh = new PersistentClient(() => this.b.url, `s-${i}`);
      await until(() => fresh.endOf(after[i]!));
      expect(fresh.cursor).toBe(onA.cursor);
      for (const client of [onA, onB, fresh]) client.check();
    }
    const ends = tally([...this.turns, ...after].flatMap((turn, i) => this.pairs[i % 6]![1].endOf(turn)?.status ?? []));
    const seed = Number(process.env.PARLEY_SEED ?? 1);
    printVerdictLine(expect.getState().currentTestName!, seed, { ends, toldSnapshot: this.snapshots });
    await expect.poll(() => this.a.stats().turns + this.b.stats().turns).toBe(0);
  }
}

const appendOnly = (directory: string, fsync: string): string[] => [
  ...['--appendonly', 'yes', '--appendfsync', fsync, '--dir', directory],
  ...['--aof-load-truncated', 'yes'],
];

/** What the server wrote last. */
function fileIn(directory: string): { path: string; size: number } {
  const folder = join(directory, 'appendonlydir');
  const path = join(folder, readdirSync(folder).find((file) => file.endsWith('.incr.aof'))!);
  return { path, size: statSync(path).size };
}

describe('fault 10: redis is killed and comes back', () => {
  test('with all that it had acknowledged: nobody is told anything', { timeout: 60_000 }, async () => {
    const args = appendOnly(temporaryDirectory(), 'everysec');
    const server = await ownRedis(args);
    const scene = await Scene.start(server.url);
    await scene.begin(4);
    await server.stop('SIGKILL');
    await ownRedis(args, server.port);
    await scene.finish();
    expect(scene.snapshots).toBe(0);
    expect(scene.lost).toEqual([]);
  });

  test('without the end of its file: running turns go on, and everybody is told', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const args = appendOnly(directory, 'always');
    const server = await ownRedis(args);
    const scene = await Scene.start(server.url);
    await scene.begin(4);
    await sleep(300);
    await server.stop('SIGKILL');
    const { path, size } = fileIn(directory);
    // more than the last append, which may not have been answered
    truncateSync(path, size - 2_500);
    await ownRedis(args, server.port);
    await scene.finish();
    expect(scene.snapshots).toBe(scene.clients.length);
    for (const [i, [onA]] of scene.pairs.slice(0, 4).entries())
      expect(onA.endOf(scene.turns[i]!)).toMatchObject({ status: 'completed' });
    expect(scene.lost).toEqual([]);
  });

  test.each([0.2, 0.6])('without %d of what it wrote: claims are gone, too', { timeout: 60_000 }, async (part) => {
    const directory = temporaryDirectory();
    const args = appendOnly(directory, 'always');
    const server = await ownRedis(args);
    const scene = await Scene.start(server.url);
    const before = fileIn(directory).size;
    await scene.begin(6);
    await scene.finish();
    await scene.begin(4);
    await sleep(200);
    await server.stop('SIGKILL');
    const { path, size } = fileIn(directory);
    truncateSync(path, Math.round(before + (size - before) * (1 - part)));
    await ownRedis(args, server.port);
    await scene.finish();
    expect(scene.snapshots).toBe(scene.clients.length);
    expect(scene.lost).toEqual([]);
  });

  test('empty: the processes stay, begin anew on their port, and clients are told', { timeout: 60_000 }, async () => {
    const server = await ownRedis([]);
    const upstreams = [{ name: 'p', wire: 'practice', tokensPerSecond: 20 } as const];
    const config = { store: server.url, redisPrefix: newPrefix(), leaseMs: 1_000, upstreams };
    const [a, b] = [await startGatewayProcess(config), await startGatewayProcess(config)];
    const [onA, onB] = [new PersistentClient(() => a.url, 'one'), new PersistentClient(() => b.url, 'one')];
    await until(() => onA.life !== undefined && onB.life !== undefined);
    const turn = newTurnId();
    onA.send(turn);
    await until(() => onA.textOf(turn) !== '' && onB.textOf(turn) !== '');
    const client = await connect(b.url);
    onTestFinished(() => void client.close());
    const running = (await client.session('of-the-client')).send('/long');
    await running.accepted;
    const outcome = running.done.catch((error: unknown) => error);
    await server.stop('SIGKILL');
    await ownRedis([], server.port);
    await until(() => onA.lives.length === 2 && onB.lives.length === 2);
    for (const client of [onA, onB]) {
      expect(client.closeCodes[0]).toBe(4005);
      expect(client.attached.at(-1)).toMatchObject({ outcome: 'snapshot', from: 0 });
    }
    // our own client does not make anew what was lost, nor does its turn hang
    expect(await outcome).toMatchObject({ code: 'session_not_found' });
    // its turn is not known any more, and may be sent again
    const without = await RawClient.connect(a.url);
    without.send({ t: 'attach', ref: 1, s: 0, session: 'other', epoch: onA.lives[0]!.epoch, after: 5 });
    expect(await without.next('error')).toMatchObject({ code: 'session_not_found' });
    await onA.complete(turn);
    await until(() => onB.endOf(turn));
    expect(onA.textOf(turn)).toBe(onB.textOf(turn));
    for (const gateway of [a, b]) {
      gateway.kill('SIGTERM');
      expect(await gateway.exited).toMatchObject({ code: 0 });
    }
  });

  test('never: a process that cannot begin anew ends with 1', { timeout: 60_000 }, async () => {
    const server = await ownRedis([]);
    const a = await startGatewayProcess({ store: server.url, redisPrefix: newPrefix(), leaseMs: 500 });
    await server.stop('SIGKILL');
    const empty = await ownRedis([], server.port);
    await until(() => a.log().includes('lost its lease'));
    await empty.stop('SIGKILL');
    expect(await a.exited).toMatchObject({ code: 1 });
    expect(a.log()).toContain('could not be started anew');
  });
});

/** A master, a replica of it over a slow wire, and the address that gateways use, which can be turned to the replica. */
async function startLagging(latencyMs: number) {
  const master = await ownRedis(['--repl-diskless-sync-delay', '0']);
  const wire = await startFaultProxy(master.port);
  const replica = await ownRedis(['--replicaof', `127.0.0.1 ${wire.port}`, '--dir', temporaryDirectory()]);
  const admin = new Redis(replica.url);
  onTestFinished(() => admin.disconnect());
  const onMaster = new Redis(master.url);
  onTestFinished(() => onMaster.disconnect());
  const offsetOf = async (server: Redis, name: string): Promise<number> =>
    Number(new RegExp(`${name}:(\\d+)`).exec(await server.info('replication'))?.[1]);
  const isUp = async (): Promise<boolean> => (await admin.info('replication')).includes('master_link_status:up');
  while (!(await isUp())) await sleep(20);
  wire.latencyMs = latencyMs;
  const proxy = await startFaultProxy(master.port);
  return {
    wire,
    url: `redis://127.0.0.1:${proxy.port}`,
    /** The replica has everything that was written until now. */
    async caughtUp(): Promise<void> {
      const offset = await offsetOf(onMaster, 'master_repl_offset');
      while ((await offsetOf(admin, 'slave_repl_offset')) < offset) await sleep(10);
    },
    async promote(): Promise<void> {
      await admin.replicaof('NO', 'ONE');
      proxy.target = replica.port;
      proxy.reset();
    },
  };
}

describe('ends that wait for replicas', () => {
  test.each([
    [1, 'survives'],
    [0, 'is lost, and that is told'],
  ])('with waitReplicas %i an end that was shown %s, when the replica is promoted at once', async (waitReplicas) => {
    const { wire, url, caughtUp, promote } = await startLagging(150);
    const upstreamObjects = [createScriptedUpstream(tellTruth(2))];
    const redis = { waitReplicas, waitMs: 2_000 };
    const gateway = await startTestGateway({ upstreamObjects, redisPrefix: newPrefix(), store: url, redis });
    const clients = Array.from({ length: 5 }, (_, i) => new PersistentClient(() => gateway.url, `w-${i}`));
    await until(() => clients.every((client) => client.life !== undefined));
    // node and sessions are on the replica
    await caughtUp();
    const turns = clients.map(newTurnId);
    for (const [i, client] of clients.entries()) client.send(turns[i]!);
    await until(() => clients.every((client, i) => client.endOf(turns[i]!)));
    wire.pause();
    await promote();
    const after = clients.map(newTurnId);
    await Promise.all(clients.map((client, i) => client.complete(after[i]!)));
    for (const [i, client] of clients.entries()) {
      client.check();
      expect(client.lives).toHaveLength(waitReplicas === 1 ? 1 : 2);
      if (waitReplicas === 1) expect(client.endOf(turns[i]!)).toMatchObject({ status: 'completed' });
    }
  });

  test('are shown all the same when no replica answers, with one warning', async () => {
    const server = await ownRedis([]);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    const upstreamObjects = [createScriptedUpstream(tellTruth(1))];
    const redis = { waitReplicas: 1, waitMs: 200 };
    const options = { upstreamObjects, redisPrefix: newPrefix(), store: server.url, redis, logger };
    const gateway = await startTestGateway(options);
    const clients = Array.from({ length: 5 }, (_, i) => new PersistentClient(() => gateway.url, `n-${i}`));
    await Promise.all(clients.map((client) => client.complete(newTurnId())));
    for (const client of clients) client.check();
    expect(warnings.filter((warning) => warning.startsWith('replicas did not acknowledge'))).toHaveLength(1);
  });
});

describe('fault 11: a replica that lags is promoted', () => {
  test.each([100, 1_500])('it lacks the last %d ms', { timeout: 60_000 }, async (lagMs) => {
    const { wire, url, caughtUp, promote } = await startLagging(0);
    const scene = await Scene.start(url);
    await caughtUp();
    await scene.begin(2);
    await sleep(200);
    wire.pause();
    if (lagMs > 1_000) await scene.begin(4);
    await sleep(lagMs);
    await promote();
    await scene.finish();
    expect(scene.snapshots).toBe(scene.clients.length);
    expect(scene.lost).toEqual([]);
  });
});
