import type { Clock } from '../lib/clock.ts';
import { createUlidMaker } from '../lib/ulid.ts';
import { arrivalMs, scheduleArrivals } from './arrivals.ts';
import { createInputTexts } from './input-texts.ts';
import type { OpenLoadSocket } from './load-socket.ts';
import { Metrics, type MetricsData } from './metrics.ts';
import type { WorkerOrder } from './messages.ts';
import { seededRandom } from './random.ts';
import type { Tenant } from './scenario.ts';
import { SimulatedUser, type UserEnvironment } from './simulated-user.ts';
import type { MadeSession } from './user-connection.ts';

export interface LoadRun {
  /** What was measured since the last call. */
  takeMetrics(): MetricsData;
  readonly openSockets: number;
  readonly runningTurns: number;
  /** No more turns from now on. */
  stop(): void;
  /** Sessions of users that have left, unless they are to stay. */
  readonly made: readonly MadeSession[];
  /** Resolves when the last user has left. */
  readonly done: Promise<void>;
}

/** A session that could not go on is followed by another after this time. */
const afterFailureMs = 1_000;
const anonymous: Tenant = { name: 'default', weight: 1 };

/** One worker's part of a run, in this process. */
export function startLoadRun(order: WorkerOrder, clock: Clock, openSocket: OpenLoadSocket): LoadRun {
  const { scenario, index: workerIndex, count: workerCount } = order;
  const startMs = clock.now() + order.startAt - clock.wall();
  const rampMs = scenario.rampSeconds * 1_000;
  const endMs = startMs + rampMs + scenario.holdSeconds * 1_000;
  const users = new Set<SimulatedUser>();
  const pickTenant = tenantPicker(scenario.tenants ?? [anonymous]);
  const stops: (() => void)[] = [];
  const free: SimulatedUser[] = [];
  const made: MadeSession[] = [];
  const waiting: number[] = [];
  let metrics = new Metrics();
  let isStopping = false;
  let started = 0;
  let resolveDone: () => void = () => {};
  const done = new Promise<void>((resolve) => (resolveDone = resolve));

  const environment: UserEnvironment = {
    scenario,
    clock,
    openSocket,
    inputs: createInputTexts(order.seed),
    newTurnId: createUlidMaker(() => clock.wall()),
    metrics: () => metrics,
    isMeasured: (intendedMs) => intendedMs >= startMs + rampMs,
    verifySeed: order.verifySeed,
    onReady: scenario.turnsPerSecond === undefined ? undefined : takeWaiting,
    onFinished(user, hasFailed) {
      users.delete(user);
      if (!order.keepSessions && user.made !== undefined) made.push(user.made);
      if (isStopping) {
        if (users.size === 0) resolveDone();
      } else if (scenario.sessionsPerSecond === undefined) {
        const intendedMs = clock.now() + (hasFailed ? afterFailureMs : 0);
        later(intendedMs, () => startUser(intendedMs));
      }
    },
  };

  function startUser(intendedMs: number): void {
    const random = seededRandom(order.seed + (workerIndex + started++ * workerCount) * 7_919);
    const user = new SimulatedUser(environment, pickTenant(random()), random);
    users.add(user);
    user.start(intendedMs);
  }

  function later(atMs: number, action: () => void): void {
    clock.setTimer(
      () => {
        if (!isStopping) action();
      },
      Math.max(0, atMs - clock.now()),
    );
  }

  /** An open loop of turns: the oldest that waits is next, with the time it was meant to begin. */
  function takeWaiting(user: SimulatedUser): void {
    const intendedMs = waiting.shift();
    if (intendedMs === undefined) free.push(user);
    else user.beginTurn(intendedMs);
  }

  function turnArrives(intendedMs: number): void {
    for (let user = free.shift(); user !== undefined; user = free.shift()) {
      if (!user.isLive || user.hasTurn) continue;
      user.beginTurn(intendedMs);
      return;
    }
    waiting.push(intendedMs);
  }

  /** This worker's share of a rate: every `workerCount`-th arrival. */
  function openLoop(perSecond: number, onArrival: (intendedMs: number) => void, fromMs: number, ramp: number): void {
    const atMs = (index: number): number => arrivalMs(workerIndex + index * workerCount, { perSecond, rampMs: ramp });
    stops.push(scheduleArrivals({ clock, startMs: fromMs, endMs, atMs, onArrival }));
  }

  function begin(): void {
    if (scenario.sessionsPerSecond !== undefined) {
      openLoop(scenario.sessionsPerSecond, startUser, startMs, rampMs);
    } else {
      const total = scenario.users ?? scenario.sessions!;
      for (let k = workerIndex; k < total; k += workerCount) {
        const intendedMs = startMs + (rampMs * k) / total;
        later(intendedMs, () => startUser(intendedMs));
      }
      if (scenario.turnsPerSecond !== undefined) openLoop(scenario.turnsPerSecond, turnArrives, startMs, rampMs);
    }
    for (const storm of scenario.storms) beginStorm(storm, 1);
    later(endMs, stop);
  }

  /** Storms are counted from the end of the ramp, so that they hit all workers at the same time. */
  function beginStorm(storm: (typeof scenario.storms)[number], number: number): void {
    const atMs = startMs + rampMs + number * storm.everySeconds * 1_000;
    if (atMs >= endMs) return;
    later(atMs, () => {
      const random = seededRandom(order.seed + number);
      for (const user of users) {
        if (storm.share < 1 && random() >= storm.share) continue;
        if (storm.what === 'cancel') user.cancel();
        else user.reconnect(0);
      }
      beginStorm(storm, number + 1);
    });
  }

  function stop(): void {
    if (isStopping) return;
    isStopping = true;
    for (const cancel of stops) cancel();
    if (waiting.length > 0) metrics.tally('errors', 'turn_not_begun', waiting.length);
    for (const user of users) user.finish();
    if (users.size === 0) resolveDone();
    const timer = clock.setTimer(() => {
      for (const user of users) if (user.abandon()) metrics.tally('errors', 'turn_not_ended');
      resolveDone();
    }, scenario.drainSeconds * 1_000);
    void done.then(() => timer.cancel());
  }

  later(startMs, begin);
  return {
    takeMetrics() {
      const taken = metrics.toData();
      metrics = new Metrics();
      return taken;
    },
    get openSockets() {
      let open = 0;
      for (const user of users) if (user.isLive) open++;
      return open;
    },
    get runningTurns() {
      let running = 0;
      for (const user of users) if (user.hasTurn) running++;
      return running;
    },
    made,
    stop,
    done,
  };
}

function tenantPicker(tenants: readonly Tenant[]): (random: number) => Tenant {
  const sum = tenants.reduce((total, tenant) => total + tenant.weight, 0);
  return (random) => {
    let left = random * sum;
    return tenants.find((tenant) => (left -= tenant.weight) < 0) ?? tenants.at(-1)!;
  };
}
