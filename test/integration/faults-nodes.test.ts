import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../support/assembled-text.ts';
import { checkRun, printVerdict } from '../support/checker.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { type Fleet, type FleetOptions, startFleet } from '../support/node-fleet.ts';
import { Observer } from '../support/observer.ts';
import { until } from '../support/persistent-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

const isLong = process.env.PARLEY_LONG !== undefined;
const seed = Number(process.env.PARLEY_SEED ?? 1);
const timeout = isLong ? 300_000 : 180_000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

interface Scene {
  fleet: Fleet;
  turns: Map<string, string[]>;
  /** One per session, on the node that runs it. */
  owners: Observer[];
  /** Each follows a part of the sessions from another node. */
  others: Observer[];
  observers: Observer[];
}

/** Sessions that stream on the first node, followed from there; every fifth is followed from each of the other nodes, too. */
async function startStreaming(options: Omit<FleetOptions, 'redis' | 'seed'>, sessions: number): Promise<Scene> {
  const fleet = await startFleet({ redis, seed, ...options });
  const names = Array.from({ length: sessions }, (_, i) => `s${i}`);
  const [first, ...rest] = fleet.nodes;
  const owners = await Promise.all(names.map((name) => observe(fleet, first!, [name])));
  const followed = names.filter((_name, i) => i % 5 === 0).slice(0, 200);
  const others = await Promise.all(rest.map((node) => observe(fleet, node, followed)));
  const turns = new Map<string, string[]>();
  for (const [i, name] of names.entries()) {
    const id = fleet.newTurnId();
    turns.set(name, [id]);
    owners[i]!.send(name, { id, input: 'go' });
  }
  await until(() => owners.every((owner, i) => owner.cursorOf(names[i]!) > 20));
  return { fleet, turns, owners, others, observers: [...owners, ...others] };
}

/** A client that is on `node` first, and anywhere afterwards. */
function observe(fleet: Fleet, node: GatewayProcess, sessions: readonly string[]): Promise<Observer> {
  let isFirst = true;
  const url = (): string => {
    if (!isFirst) return fleet.url();
    isFirst = false;
    return node.url;
  };
  return Observer.start({ url, sessions, random: fleet.random });
}

/** How long after `sinceMs` the last session went on elsewhere. */
function tookMs(observers: readonly Observer[], sinceMs: number): number {
  return Math.round(Math.max(...observers.flatMap(({ wentOnMs }) => [...wentOnMs.values()])) - sinceMs);
}

/** A turn more in some sessions, wherever their clients are now. */
async function sayMore({ fleet, turns, owners }: Scene, sessions: number): Promise<void> {
  const names = [...turns.keys()].slice(0, sessions);
  await Promise.all(
    names.map(async (name, i) => {
      const id = fleet.newTurnId();
      await until(() => owners[i]!.hasEnded(name, turns.get(name)![0]!));
      owners[i]!.send(name, { id, ref: 20_000, input: 'more', onBusy: 'queue' });
      turns.get(name)!.push(id);
    }),
  );
}

describe('fault 1: kill -9 of one of three nodes on which sessions stream', () => {
  const sessions = isLong ? 500 : 40;
  const pace = isLong ? { tokens: 250, intervalMs: 100 } : { tokens: 150, intervalMs: 20 };

  test.each(['end', 'continue'] as const)('onCrash: %s', { timeout }, async (onCrash) => {
    const scene = await startStreaming({ ...pace, onCrash }, sessions);
    const { fleet, turns, owners, observers } = scene;
    fleet.takeOut(fleet.nodes[0]!);
    const killedMs = performance.now();
    fleet.nodes[0]!.kill('SIGKILL');
    fleet.hurry();
    await sayMore(scene, 5);
    const run = { fleet, turns, observers, maxCalls: onCrash === 'end' ? 1 : 2 };
    const verdict = await checkRun(run);
    printVerdict(`fault 1 (${onCrash})`, run, verdict, { takeoverMs: tookMs(owners, killedMs), boundMs: 5_000 });
    expect(verdict.ends).toEqual(
      onCrash === 'end' ? { interrupted: sessions, completed: 5 } : { completed: sessions + 5 },
    );
    for (const owner of owners) expect(owner.lives.get(owner.sessions[0]!)!.length).toBeGreaterThan(1);
    expect(observers.flatMap(({ errors }) => errors)).toEqual([]);
  });
});

describe('fault 2: SIGTERM of a node with many sockets', () => {
  const streaming = isLong ? 200 : 30;
  const idle = isLong ? 1_800 : 170;

  test.each(['finish', 'are handed over'] as const)('turns %s', { timeout }, async (way) => {
    // longer or shorter than the answers take
    const drainMs = way === 'finish' ? 20_000 : 1_000;
    const pace = way === 'finish' ? { tokens: isLong ? 150 : 40, intervalMs: 40 } : { tokens: 150, intervalMs: 40 };
    const scene = await startStreaming({ ...pace, onCrash: 'continue', config: { drainMs } }, streaming);
    const { fleet, turns, owners } = scene;
    const [first] = fleet.nodes;
    const names = Array.from({ length: idle }, (_, i) => `idle${i}`);
    const waiting = await Promise.all(names.map((name) => observe(fleet, first!, [name])));
    for (const name of names) turns.set(name, []);
    const observers = [...scene.observers, ...waiting];
    const onFirst = [...owners, ...waiting];
    fleet.takeOut(first!);
    const signalledMs = performance.now();
    first!.kill('SIGTERM');
    fleet.hurry();
    expect(await first!.exited).toEqual({ code: 0, signal: null });
    const exitMs = Math.round(performance.now() - signalledMs);
    await sayMore(scene, 5);
    const run = { fleet, turns, observers, maxCalls: 2 };
    const verdict = await checkRun(run);
    const moved = onFirst.filter(({ moves }) => moves > 0).length;
    printVerdict(`fault 2 (turns ${way})`, run, verdict, { sockets: onFirst.length, moved, exitMs, boundMs: 30_000 });
    expect(verdict.ends).toEqual({ completed: streaming + 5 });
    const calls = fleet.double.requests.length;
    if (way === 'finish') expect(calls).toBe(streaming + 5);
    else expect(calls).toBeGreaterThan(streaming + 5);
    for (const { goaways, closeCodes } of onFirst) {
      expect(goaways).toMatchObject([{ reason: 'shutdown', deadlineMs: drainMs }]);
      // spread over a time that grows with the number of sockets
      expect(goaways[0]!.reconnect.maxMs).toBeGreaterThanOrEqual(Math.min(drainMs / 2, onFirst.length * 2));
      expect(closeCodes.filter((code) => code !== 4000)).toEqual([]);
    }
    // clients had the time that they were told, rather than being thrown out all at once
    expect(moved).toBeGreaterThan(onFirst.length / 2);
    expect(observers.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('while no turn runs, clients have the time they were told', { timeout }, async () => {
    const fleet = await startFleet({ redis, seed, nodes: 2, tokens: 5, intervalMs: 0 });
    const [first] = fleet.nodes;
    const names = Array.from({ length: isLong ? 1_000 : 100 }, (_, i) => `still${i}`);
    const observers = await Promise.all(names.map((name) => observe(fleet, first!, [name])));
    fleet.takeOut(first!);
    first!.kill('SIGTERM');
    expect(await first!.exited).toEqual({ code: 0, signal: null });
    const run = { fleet, turns: new Map(names.map((name) => [name, []])), observers };
    const verdict = await checkRun(run);
    const moved = observers.filter(({ moves }) => moves > 0).length;
    printVerdict('fault 2 (no turn runs)', run, verdict, { sockets: names.length, moved });
    expect(moved).toBeGreaterThan(names.length / 2);
  });

  test('the nodes of a fleet are drained one after another (rolling restart)', { timeout }, async () => {
    const scene = await startStreaming(
      { tokens: 100, intervalMs: 30, onCrash: 'continue', config: { drainMs: 600 } },
      streaming,
    );
    const { fleet, turns, observers } = scene;
    for (const node of fleet.nodes.slice(0, 2)) {
      fleet.takeOut(node);
      node.kill('SIGTERM');
      expect(await node.exited).toEqual({ code: 0, signal: null });
    }
    fleet.hurry();
    await sayMore(scene, 5);
    const run = { fleet, turns, observers, maxCalls: 3 };
    const verdict = await checkRun(run);
    printVerdict('fault 2 (rolling restart)', run, verdict);
    expect(verdict.ends).toEqual({ completed: streaming + 5 });
    expect(observers.flatMap(({ errors }) => errors)).toEqual([]);
  });
});

describe('fault 3: a node is stopped, taken over and woken up', () => {
  const sessions = isLong ? 200 : 20;

  test.each(['end', 'continue'] as const)('onCrash: %s', { timeout }, async (onCrash) => {
    const scene = await startStreaming({ tokens: 200, intervalMs: 20, onCrash }, sessions);
    const { fleet, turns, owners, others } = scene;
    const [first] = fleet.nodes;
    const names = [...turns.keys()];
    first!.kill('SIGSTOP');
    fleet.takeOut(first!);
    fleet.hurry();
    // clients elsewhere see that another node took over, and how far that one is
    const witness = others[0]!;
    const before = new Map(witness.sessions.map((name) => [name, witness.cursorOf(name)]));
    const wentOn = (name: string): boolean =>
      onCrash === 'end'
        ? witness.hasEnded(name, turns.get(name)![0]!)
        : witness.cursorOf(name) > before.get(name)! + 100;
    await until(() => witness.sessions.every(wentOn));
    first!.kill('SIGCONT');
    await until(() => owners.every(({ closeCodes }) => closeCodes.length > 0));
    const run = { fleet, turns, observers: scene.observers, maxCalls: 2 };
    const verdict = await checkRun(run);
    printVerdict(`fault 3 (${onCrash})`, run, verdict);
    expect(verdict.ends).toEqual(onCrash === 'end' ? { interrupted: sessions } : { completed: sessions });
    for (const [i, { closeCodes, lives }] of owners.entries()) {
      expect(closeCodes).toEqual([4005]);
      // the node that woke up ended nothing
      const told = lives.get(names[i]!)![0]!.events;
      expect(told.some((event) => event.t === 'turn.ended')).toBe(false);
      expect(textOf(told, turns.get(names[i]!)![0]!).length).toBeGreaterThan(0);
    }
  });
});
