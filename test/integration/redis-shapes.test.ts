import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { PersistentClient, until } from '../support/persistent-client.ts';
import { makeCertificates } from '../support/make-certificates.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisClusterServers, startRedisCluster } from '../support/redis-cluster.ts';
import { startSentinels } from '../support/redis-sentinels.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { createScriptedUpstream } from '../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { tellTruth } from '../support/truth.ts';

let count = 0;
const newPrefix = (): string => `s${process.pid}_${count++}`;

/** Two nodes on the same store, and clients of sessions on either. */
async function startPair(store: string, everyMs: number, more: object = {}) {
  const upstream = createScriptedUpstream(tellTruth(everyMs));
  const lost: string[] = [];
  const options = { upstreamObjects: [upstream], redisPrefix: newPrefix(), store, ...more };
  const a = await startTestGateway({ ...options, onLeaseLost: () => lost.push('a') });
  const b = await startTestGateway({ ...options, onLeaseLost: () => lost.push('b') });
  return { upstream, lost, a, b };
}

describe('a Redis Cluster', () => {
  let cluster: RedisClusterServers;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test('turns are followed and cancelled across nodes, whatever shard their session is on', async () => {
    const { a, b, upstream } = await startPair(cluster.url, 5);
    const [onA, onB] = [await RawClient.connect(a.url), await RawClient.connect(b.url)];
    for (let s = 0; s < 12; s++) {
      const session = `shard-${s}`;
      await onA.attach({ ref: s, s, session, create: {} });
      await onB.attach({ ref: s, s, session });
      const [whole, cut] = [newTurnId(), newTurnId()];
      onA.send({ t: 'turn', s, id: whole, input: 'x' });
      await onB.next('turn.ended', (end) => end.turn === whole && end.status === 'completed');
      onA.send({ t: 'turn', s, id: cut, input: 'x' });
      await onB.next('delta', (delta) => delta.turn === cut);
      onB.send({ t: 'cancel', ref: 100 + s, s, turn: cut });
      expect(await onA.next('turn.ended', (end) => end.turn === cut)).toMatchObject({ status: 'cancelled' });
      await onB.next('turn.ended', (end) => end.turn === cut);
    }
    expect(upstream.calls).toHaveLength(24);
    for (const client of [onA, onB]) expect(client.all('error')).toEqual([]);
    onB.send({ t: 'delete', ref: 200, s: 0 });
    await onA.next('deleted');
  });

  test('a master is killed and its replica promoted while streams run', { timeout: 40_000 }, async () => {
    const { a, b, lost } = await startPair(cluster.url, 100);
    const pairs = Array.from({ length: 9 }, (_, i) => [
      new PersistentClient(() => a.url, `failover-${i}`),
      new PersistentClient(() => b.url, `failover-${i}`),
    ]);
    const turns = pairs.map(newTurnId);
    await until(() => pairs.every(([onA, onB]) => onA!.life !== undefined && onB!.life !== undefined));
    for (const [i, [onA]] of pairs.entries()) onA!.send(turns[i]!);
    await until(() => pairs.every(([, onB], i) => onB!.textOf(turns[i]!) !== ''));
    const [victim] = await cluster.masters();
    await cluster.servers.find(({ port }) => port === victim)!.stop('SIGKILL');
    await Promise.all(pairs.map(([onA], i) => onA!.complete(turns[i]!)));
    // and all goes on
    const after = pairs.map(newTurnId);
    await Promise.all(pairs.map(([, onB], i) => onB!.complete(after[i]!)));
    for (const [i, [onA, onB]] of pairs.entries()) {
      for (const turn of [turns[i]!, after[i]!]) {
        await until(() => onA!.endOf(turn) && onB!.endOf(turn));
        expect(onA!.endOf(turn)).toMatchObject({ status: 'completed' });
        expect(onB!.textOf(turn)).toBe(onA!.textOf(turn));
      }
      onA!.check();
      onB!.check();
    }
    expect(lost).toEqual([]);
    expect(await cluster.masters()).not.toContain(victim);
  });

  test('a replica that lags is promoted: what its shard lost is told, and all goes on', {
    timeout: 60_000,
  }, async () => {
    const own = await startRedisCluster();
    onTestFinished(() => own.stop());
    const { a, b, lost } = await startPair(own.url, 4);
    const pairs = Array.from({ length: 24 }, (_, i) => [
      new PersistentClient(() => a.url, `lag-${i}`),
      new PersistentClient(() => b.url, `lag-${i}`),
    ]);
    await until(() => pairs.every(([onA, onB]) => onA!.life !== undefined && onB!.life !== undefined));
    const [victim] = await own.masters();
    const admin = new Redis(victim!);
    admin.on('error', () => {});
    onTestFinished(() => admin.disconnect());
    // its replica hears nothing from now on
    await admin.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
    await admin.client('KILL', 'TYPE', 'REPLICA');
    const turns = pairs.map(newTurnId);
    await Promise.all(pairs.map(([onA], i) => onA!.complete(turns[i]!)));
    await own.servers.find(({ port }) => port === victim)!.stop('SIGKILL');
    await until(() => pairs.flat().every((client) => client.lives.length === 2));
    await Promise.all(pairs.map(([, onB], i) => onB!.complete(turns[i]!)));
    for (const [i, [onA, onB]] of pairs.entries()) {
      await onA!.complete(turns[i]!);
      expect(onB!.textOf(turns[i]!)).toBe(onA!.textOf(turns[i]!));
      onA!.check();
      onB!.check();
    }
    expect(lost).toEqual([]);
  });

  test('one that cannot be reached is told in one sentence without the password', async () => {
    const store = 'redis-cluster://:s3cret@127.0.0.1:1,127.0.0.1:2';
    await expect(startTestGateway({ store })).rejects.toThrow(
      'The Redis Cluster at redis-cluster://secret@127.0.0.1:1,127.0.0.1:2 cannot be reached; check --store.',
    );
  });

  test('each master is looked at', async () => {
    const admin = new Redis((await cluster.masters())[1]!);
    onTestFinished(() => admin.disconnect());
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(startTestGateway({ store: cluster.url })).rejects.toThrow(/maxmemory-policy allkeys-lru/);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });
});

describe('Redis Sentinel', () => {
  test('the master is killed while a stream runs: the promoted one is found', { timeout: 40_000 }, async () => {
    const servers = await startSentinels();
    onTestFinished(() => servers.stop());
    const { a, b, lost } = await startPair(servers.url, 100);
    const [onA, onB] = [new PersistentClient(() => a.url, 'one'), new PersistentClient(() => b.url, 'one')];
    const turn = newTurnId();
    await until(() => onA.life !== undefined && onB.life !== undefined);
    onA.send(turn);
    await until(() => onB.textOf(turn) !== '');
    // the answers of the sentinels count, not the first address
    await servers.sentinels[0]!.stop('SIGKILL');
    await servers.master.stop('SIGKILL');
    await onA.complete(turn);
    const next = newTurnId();
    await onB.complete(next);
    await until(() => onA.endOf(next) && onB.endOf(turn));
    for (const client of [onA, onB]) {
      expect(client.endOf(turn)).toMatchObject({ status: 'completed' });
      client.check();
    }
    expect(lost).toEqual([]);
  });

  test('sentinels that are not there, or do not know the name, are told in one sentence', async () => {
    await expect(startTestGateway({ store: 'redis-sentinel://u:s3cret@127.0.0.1:1?name=m' })).rejects.toThrow(
      'The master of the sentinels at redis-sentinel://secret@127.0.0.1:1?name=m cannot be reached; check --store.',
    );
  });
});

describe('Redis over TLS', () => {
  test('is trusted by its authority and name, and by its certificate in turn', async () => {
    const { ca, certificate, key } = makeCertificates(temporaryDirectory());
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', ca];
    const [own, authority] = [{ cert: readFileSync(certificate), key: readFileSync(key) }, readFileSync(ca)];
    const server = await startRedisServer(files, undefined, { ...own, ca: authority, servername: 'localhost' });
    onTestFinished(() => server.stop());
    const proof = { certificateFile: certificate, keyFile: key };
    const start = (tls: object) => startPair(server.url, 1, { redis: { tls } });
    const { a, b } = await start({ caFile: ca, ...proof, servername: 'localhost' });
    const [onA, onB] = [new PersistentClient(() => a.url, 'tls'), new PersistentClient(() => b.url, 'tls')];
    const turn = newTurnId();
    await onA.complete(turn);
    await until(() => onB.endOf(turn));
    for (const client of [onA, onB]) client.check();
    // without the authority, for another name, without a certificate of its own
    for (const tls of [
      { ...proof, servername: 'localhost' },
      { caFile: ca, ...proof },
      { caFile: ca, servername: 'localhost' },
    ])
      await expect(start(tls)).rejects.toThrow(
        /^Redis at rediss:\/\/127.0.0.1:\d+ cannot be reached; check --store\.$/,
      );
    await expect(start({ caFile: '/nowhere/ca.pem' })).rejects.toThrow(
      'The file /nowhere/ca.pem cannot be read; check “redis.tls.caFile”.',
    );
  });
});
