import type { ScenarioInput } from './scenario.ts';

/** By name; `parley bench scenarios NAME` prints one as a file to begin with. */
export const builtInScenarios: Readonly<Record<string, ScenarioInput>> = {
  chat: {
    description: 'People who read and think between turns.',
    users: 50,
    rampSeconds: 5,
    holdSeconds: 30,
    turnsPerSession: { min: 2, max: 6 },
    thinkMs: { median: 1_000, p95: 4_000 },
    inputTokens: { median: 25, p95: 250 },
  },
  voice: {
    description: 'Short turns, often interrupted by the speaker, who has heard a part.',
    users: 50,
    rampSeconds: 5,
    holdSeconds: 30,
    thinkMs: { min: 200, max: 1_500 },
    inputTokens: { median: 10, p95: 30 },
    outputTokens: 120,
    cancel: { share: 0.35, afterTokens: { min: 3, max: 40 }, heard: true },
  },
  idle: {
    description: 'Sockets with an attached session that say nothing.',
    users: 1_000,
    rampSeconds: 10,
    holdSeconds: 30,
    turnsPerSession: 0,
  },
  reconnect: {
    description: 'All sockets are lost at once, again and again, in mid-answer.',
    users: 200,
    rampSeconds: 5,
    holdSeconds: 30,
    thinkMs: { mean: 500 },
    storms: [{ what: 'reconnect', everySeconds: 5 }],
  },
  cancel: {
    description: 'All running turns are cancelled at once, again and again.',
    users: 200,
    rampSeconds: 5,
    holdSeconds: 30,
    thinkMs: { mean: 500 },
    storms: [{ what: 'cancel', everySeconds: 3 }],
  },
  'slow-readers': {
    description: 'One in five stops reading for a while, in mid-answer; the others must not notice.',
    users: 50,
    rampSeconds: 5,
    holdSeconds: 30,
    thinkMs: { mean: 500 },
    slowReaders: { share: 0.2, pauseMs: { min: 500, max: 5_000 }, readMs: { min: 100, max: 1_000 } },
  },
  tenants: {
    description: 'A large tenant beside a middle and a small one; give their keys with --key, in this order.',
    users: 60,
    rampSeconds: 5,
    holdSeconds: 30,
    thinkMs: { mean: 300 },
    tenants: [
      { name: 'large', weight: 8 },
      { name: 'middle', weight: 3 },
      { name: 'small', weight: 1 },
    ],
  },
  soak: {
    description:
      'Half an hour of sessions that come and go, with cancels and lost sockets; look at the slopes of memory.',
    users: 100,
    rampSeconds: 30,
    holdSeconds: 1_800,
    turnsPerSession: { min: 1, max: 5 },
    thinkMs: { mean: 500 },
    inputTokens: { median: 25, p95: 250 },
    cancel: { share: 0.15 },
    reconnect: { share: 0.15 },
  },
};
