import type { Clock } from '../lib/clock.ts';
import { type CapacityLease, type CapacityLimits, UpstreamCapacity } from './upstream-capacity.ts';
import type { Target, TargetGroup } from './contract.ts';
import { type TargetState, TargetStates } from './target-state.ts';

export interface BalancerOptions {
  clock: Clock;
  random(): number;
  limitsOf(upstream: string): CapacityLimits;
}

/** What a call asks of its target. */
export interface Wanted {
  /** For affinity: tenant and session. */
  session: string;
  /** Input and expected output. */
  tokens: number;
  /** Targets that were tried; they come last, or not at all where `onlyOthers`. */
  tried: ReadonlySet<string>;
  onlyOthers?: boolean | undefined;
  /** The target to stay with, where it can be used at all. */
  stay?: string | undefined;
}

export type Selection =
  | { kind: 'target'; target: Target }
  /** Those that could answer are full. */
  | { kind: 'full' }
  /** None can answer; one may in `retryAfterMs`, where that is known. */
  | { kind: 'none'; retryAfterMs: number | undefined };

const mostSessions = 20_000;
/** A session leaves its target when that is so much busier than the best other one. */
const tooBusy = 4;

/** Chooses among the targets of a group: by priority, then where the session was, then the less busy of two. */
export class Balancer {
  readonly states: TargetStates;
  readonly #options: BalancerOptions;
  readonly #capacities = new Map<string, UpstreamCapacity>();
  /** Where a session was answered last; the oldest are forgotten. */
  readonly #lastTarget = new Map<string, string>();

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.states = new TargetStates(options.clock);
  }

  select(group: TargetGroup, wanted: Wanted): Selection {
    const { tried, tokens, onlyOthers } = wanted;
    const others = group.targets.filter(({ key }) => !tried.has(key));
    const usable = others.filter((target) => this.states.of(target).isUsable);
    const pool = usable.length > 0 || onlyOthers ? usable : this.#usable(group.targets);
    if (pool.length === 0) return { kind: 'none', retryAfterMs: this.#soonest(onlyOthers ? others : group.targets) };
    const withRoom = pool.filter((target) => this.#capacityOf(target).hasRoom(tokens));
    if (withRoom.length === 0) return { kind: 'full' };
    const first = Math.min(...withRoom.map(({ priority }) => priority));
    const candidates = withRoom.filter(({ priority }) => priority === first);
    return { kind: 'target', target: this.#choose(group, candidates, wanted) };
  }

  /** Counts a call that begins. */
  begin(target: Target, tokens: number): { state: TargetState; lease: CapacityLease; isProbe: boolean } {
    const state = this.states.of(target);
    state.running++;
    state.outstandingTokens += tokens;
    const isProbe = state.breaker.begin();
    const taken = this.#capacityOf(target).take(tokens);
    let isOver = false;
    const lease = {
      release: (used: number) => {
        if (isOver) return;
        isOver = true;
        state.running--;
        state.outstandingTokens -= tokens;
        taken.release(used);
      },
    };
    return { state, lease, isProbe };
  }

  /** The session was answered there. */
  answered(session: string, target: Target): void {
    this.#lastTarget.delete(session);
    this.#lastTarget.set(session, target.key);
    if (this.#lastTarget.size > mostSessions) this.#lastTarget.delete(this.#lastTarget.keys().next().value!);
  }

  /** Limits were changed. */
  forgetLimits(): void {
    this.#capacities.clear();
  }

  #choose(group: TargetGroup, candidates: readonly Target[], { session, stay }: Wanted): Target {
    if (candidates.length === 1) return candidates[0]!;
    const asked = candidates.find(({ key }) => key === stay);
    if (asked !== undefined) return asked;
    const loadOf = this.#loads(candidates);
    const chosen = this.#lessBusyOfTwo(candidates, loadOf);
    if (!group.affinity) return chosen;
    const last = this.#lastTarget.get(session);
    const known = candidates.find(({ key }) => key === last);
    return known !== undefined && loadOf(known) <= tooBusy * loadOf(chosen) + idleLoad ? known : chosen;
  }

  #lessBusyOfTwo(candidates: readonly Target[], loadOf: (target: Target) => number): Target {
    const one = this.#byWeight(candidates);
    const two = this.#byWeight(candidates.filter((target) => target !== one));
    return loadOf(two) < loadOf(one) ? two : one;
  }

  #byWeight(candidates: readonly Target[]): Target {
    let left = this.#options.random() * candidates.reduce((sum, { weight }) => sum + weight, 0);
    for (const target of candidates) if ((left -= target.weight) < 0) return target;
    return candidates.at(-1)!;
  }

  /** One that was not called yet is taken for as fast as the others are on average. */
  #loads(candidates: readonly Target[]): (target: Target) => number {
    const known = candidates.map((target) => this.states.of(target).firstTokenMs).filter((ms) => ms !== undefined);
    const meanMs = known.length === 0 ? unknownMs : known.reduce((sum, ms) => sum + ms, 0) / known.length;
    return (target) => this.states.of(target).load(target.weight, meanMs);
  }

  #usable(targets: readonly Target[]): Target[] {
    return targets.filter((target) => this.states.of(target).isUsable);
  }

  #soonest(targets: readonly Target[]): number | undefined {
    const rests = targets.map((target) => this.states.of(target)).filter((state) => state.isWell);
    return rests.length === 0 ? undefined : Math.min(...rests.map((state) => state.restMs));
  }

  #capacityOf({ upstream }: Target): UpstreamCapacity {
    let capacity = this.#capacities.get(upstream.name);
    if (capacity === undefined) {
      capacity = new UpstreamCapacity(this.#options.clock, this.#options.limitsOf(upstream.name));
      this.#capacities.set(upstream.name, capacity);
    }
    return capacity;
  }
}

/** Time to the first token before any was measured, milliseconds. */
const unknownMs = 200;

/** Load of a target with a small call on it: below this nobody is busy. */
const idleLoad = 1_000_000;
