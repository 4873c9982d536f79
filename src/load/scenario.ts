import { z } from 'zod';
import { distributionSchema } from './distribution.ts';

const share = z.number().min(0).max(1);
const positive = z.number().gt(0);
const wholePositive = z.int().min(1).max(10_000_000);

const tenantSchema = z.strictObject({
  name: z.string().min(1).max(64),
  weight: positive.default(1),
  /** API key; also `--key`, in the order of the tenants. */
  key: z.string().min(1).optional(),
});

/** What simulated users do. Exactly one of `users`, `sessionsPerSecond` and `turnsPerSecond` says how many there are. */
export const scenarioSchema = z
  .strictObject({
    description: z.string().optional(),
    /** Closed loop: so many users, each waiting for its answer. */
    users: wholePositive.optional(),
    /** Open loop: sessions begin at this rate, whatever becomes of those before. */
    sessionsPerSecond: positive.optional(),
    /** Open loop: turns begin at this rate in `sessions` sessions; one that finds no free session waits, and its time counts. */
    turnsPerSecond: positive.optional(),
    sessions: wholePositive.optional(),
    rampSeconds: z.number().min(0).default(0),
    holdSeconds: positive.default(30),
    /** How long running turns may take after that. */
    drainSeconds: z.number().min(0).default(15),
    /** Of a session, which is then closed; absent: until the end of the run; 0: the socket just stays. */
    turnsPerSession: distributionSchema.optional(),
    /** Before each turn. */
    thinkMs: distributionSchema.default(0),
    inputTokens: distributionSchema.default(20),
    /** Bound of an answer; absent: what the model says. */
    outputTokens: distributionSchema.optional(),
    system: z.string().optional(),
    model: z.string().min(1).optional(),
    route: z.string().min(1).optional(),
    /** Some turns are cancelled by their user, after so many tokens. */
    cancel: z
      .strictObject({
        share,
        afterTokens: distributionSchema.default({ min: 1, max: 50 }),
        /** Whether the cancel says what was heard: half of the text so far. */
        heard: z.boolean().default(false),
      })
      .optional(),
    /** In some turns the socket is lost after so many tokens, and comes back. */
    reconnect: z
      .strictObject({
        share,
        afterTokens: distributionSchema.default({ min: 1, max: 50 }),
        awayMs: distributionSchema.default(100),
      })
      .optional(),
    /** Everybody at once, again and again: sockets are lost and come back, or running turns are cancelled. */
    storms: z
      .array(z.strictObject({ what: z.enum(['reconnect', 'cancel']), everySeconds: positive, share: share.default(1) }))
      .default([]),
    /** Some users stop reading, and go on. */
    slowReaders: z.strictObject({ share, pauseMs: distributionSchema, readMs: distributionSchema }).optional(),
    /** Mix of credentials. */
    tenants: z.array(tenantSchema).min(1).optional(),
  })
  .refine(
    (scenario) =>
      [scenario.users, scenario.sessionsPerSecond, scenario.turnsPerSecond].filter((value) => value !== undefined)
        .length === 1,
    { error: 'the scenario needs exactly one of users, sessionsPerSecond and turnsPerSecond' },
  )
  .refine((scenario) => (scenario.turnsPerSecond === undefined) === (scenario.sessions === undefined), {
    error: 'turnsPerSecond and sessions go together',
  });

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioInput = z.input<typeof scenarioSchema>;
export type Tenant = z.infer<typeof tenantSchema>;

/** Sockets that may be open at once; of an open loop of sessions it is a guess: all of a run's. */
export function peakSockets(scenario: Scenario): number {
  if (scenario.users !== undefined) return scenario.users;
  if (scenario.sessions !== undefined) return scenario.sessions;
  return Math.ceil((scenario.sessionsPerSecond ?? 0) * (scenario.rampSeconds / 2 + scenario.holdSeconds));
}
