import type { TargetGroup } from './contract.ts';
import type { DegradationRule } from './rules.ts';
import type { TargetGroups } from './target-groups.ts';

/** How busy a node is. */
export interface Load {
  turns: number;
  /** Turns that wait for an upstream. */
  queued: number;
  /** Of the last second or so. */
  readonly eventLoopDelayMs: number;
}

interface Step {
  name: string;
  when: DegradationRule['when'];
  /** By name, what stands for a group or model. */
  groups: ReadonlyMap<string, TargetGroup>;
  maxOutputTokens: number | undefined;
}

export interface Degradation {
  /** The steps that are taken at this load, in order; it is looked at where there are steps at all. */
  stepsAt(load: () => Load): readonly Step[];
}

/** Ordered steps of giving less to more: each is taken once its measure is reached. Throws `Error` for unknown names. */
export function compileDegradation(rules: readonly DegradationRule[], groups: TargetGroups): Degradation {
  const steps = rules.map(({ name, when, models, maxOutputTokens }): Step => {
    const entries = Object.entries(models).map(
      ([from, to]) => [groups.fromRule(from, from).name, groups.fromRule(to, to)] as const,
    );
    return { name, when, groups: new Map(entries), maxOutputTokens };
  });
  const none: readonly Step[] = [];
  return {
    stepsAt(loadNow) {
      if (steps.length === 0) return none;
      const load = loadNow();
      return steps.filter(
        ({ when: { turns, queued, eventLoopDelayMs } }) =>
          (turns !== undefined && load.turns >= turns) ||
          (queued !== undefined && load.queued >= queued) ||
          (eventLoopDelayMs !== undefined && load.eventLoopDelayMs >= eventLoopDelayMs),
      );
    },
  };
}
