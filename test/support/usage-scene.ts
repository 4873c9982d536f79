import { expect, onTestFinished } from 'vitest';
import type { Gateway, GatewayOptions } from '../../src/gateway/create-gateway.ts';
import { UpstreamError } from '../../src/upstream/contract.ts';
import { RawClient, type FrameOf } from './raw-client.ts';
import { createScriptedUpstream, type ScriptedCall } from './scripted-upstream.ts';
import { newTurnId, startTestGateway } from './test-gateway.ts';
import { testModel } from './test-model.ts';

export type Person = 'ann' | 'bob' | 'root' | 'stranger' | 'operator';

/** Keys of two tenants, in which one name is taken by each. */
const people: Record<Person, { tenant: string; subject: string; roles: string[] }> = {
  ann: { tenant: 'acme', subject: 'ann', roles: ['user'] },
  bob: { tenant: 'acme', subject: 'bob', roles: ['user'] },
  root: { tenant: 'acme', subject: 'root', roles: ['admin'] },
  stranger: { tenant: 'globex', subject: 'ann', roles: ['user', 'admin'] },
  operator: { tenant: 'default', subject: 'operator', roles: ['operator'] },
};

export const keyOf = (person: Person): string => `a-key-of-twenty-letters-${person}`;
export const withKey = (person: Person): { authorization: string } => ({ authorization: `Bearer ${keyOf(person)}` });

/** Dollars a million tokens; so small that a day's sum needs every billionth. */
const models = [
  testModel('gpt-4o', { input: 1, output: 2, cacheRead: 0.25 }),
  testModel('gpt-4o-mini', { input: 0.15, output: 0.6, cacheRead: 0.075 }),
];

const words = (count: number): string[] => Array.from({ length: count }, () => ' word');

/** What the provider does is what the user says: it completes, breaks, is refused first, or does not come to an end. */
function answer({ request, sink, signal }: ScriptedCall): void {
  const said = JSON.stringify(request.messages.at(-1));
  sink.onOpen('request');
  if (said.includes('endless')) {
    const timer = setInterval(() => (signal.aborted ? clearInterval(timer) : sink.onText(' word')), 1);
    return;
  }
  for (const word of words(7)) sink.onText(word);
  if (said.includes('broken')) {
    sink.onError(new UpstreamError('upstream_error', 'The provider broke off.'));
  } else {
    // not what the gateway counts itself
    sink.onUsage({ input: 31, output: 11, reasoning: 3, cached: 12 });
    sink.onEnd('stop', 'stop');
  }
  sink.onClose();
}

/** A turn that somebody took, and its end. */
export interface Taken {
  person: Person;
  model: string;
  turn: string;
  end: FrameOf<'turn.ended'>;
}

export interface UsageScene {
  gateway: Gateway;
  client(person: Person): Promise<RawClient>;
  take(client: RawClient, person: Person, wanted: Wanted): Promise<Taken>;
}

export interface Wanted {
  input: 'complete' | 'broken' | 'endless';
  model?: 'gpt-4o' | 'gpt-4o-mini';
  maxOutputTokens?: number;
}

/** A gateway of two tenants, with a provider that the inputs direct. */
export async function startUsageScene(options: GatewayOptions = {}): Promise<UsageScene> {
  const keys = Object.entries(people).map(([name, person]) => ({ name, key: keyOf(name as Person), ...person }));
  const gateway = await startTestGateway({
    upstreamObjects: [createScriptedUpstream(answer)],
    catalogue: { models },
    auth: { keys },
    metrics: { enabled: true },
    ...options,
  });
  let sessions = 0;
  return {
    gateway,
    async client(person) {
      const client = await RawClient.connect(gateway.url, { headers: withKey(person) });
      onTestFinished(() => client.close());
      return client;
    },
    async take(client, person, { input, model = 'gpt-4o', maxOutputTokens }) {
      const [turn, s] = [newTurnId(), sessions++];
      await client.attach({ ref: s, s, session: `${person}-${s}`, create: {} });
      const limits = maxOutputTokens === undefined ? undefined : { maxOutputTokens };
      client.send({ t: 'turn', s, id: turn, input, model, limits });
      if (input === 'endless' && maxOutputTokens === undefined) {
        await client.next('delta', (delta) => delta.s === s);
        client.send({ t: 'cancel', s, turn });
      }
      const find = () => client.all('turn.ended').find((frame) => frame.turn === turn);
      await expect.poll(find).toBeDefined();
      return { person, model, turn, end: find()! };
    },
  };
}

/** Turns of all kinds, of three people in two tenants. */
export async function takeTurns({ client, take }: UsageScene): Promise<Taken[]> {
  const wanted: Wanted[] = [
    { input: 'complete' },
    { input: 'complete', model: 'gpt-4o-mini' },
    { input: 'endless' },
    { input: 'broken', model: 'gpt-4o-mini' },
    { input: 'endless', maxOutputTokens: 9 },
  ];
  const taken: Taken[] = [];
  for (const person of ['ann', 'bob', 'stranger'] as const) {
    const socket = await client(person);
    for (const each of person === 'bob' ? wanted.slice(1) : wanted) taken.push(await take(socket, person, each));
  }
  return taken;
}

export interface Sums {
  turns: number;
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  costUsd: number;
}

/** What clients were told that their turns used. */
export function sumsOf(taken: readonly Taken[]): Sums {
  const sum = (of: (end: Taken['end']) => number): number => taken.reduce((total, { end }) => total + of(end), 0);
  return {
    turns: taken.length,
    input: sum(({ usage }) => usage.input),
    output: sum(({ usage }) => usage.output),
    cached: sum(({ usage }) => usage.cached),
    reasoning: sum(({ usage }) => usage.reasoning),
    // each is a whole number of billionths
    costUsd: sum(({ costUsd }) => Math.round(costUsd! * 1e9)) / 1e9,
  };
}
