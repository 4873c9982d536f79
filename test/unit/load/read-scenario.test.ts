import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { builtInScenarios } from '../../../src/load/built-in-scenarios.ts';
import { parseScenario, readScenario } from '../../../src/load/read-scenario.ts';

test('every built-in scenario is printed as a file that says the same', async () => {
  for (const [name, scenario] of Object.entries(builtInScenarios))
    expect(parseScenario(stringify(scenario), 'x.yaml')).toEqual((await readScenario(name)).scenario);
});

test.each([
  ['users: 3\nuser: 4\n', 'x.yaml:2:1: “user” is not a setting.'],
  ['users: 0\n', 'x.yaml:1:1: “users”: too small: expected number to be >=1.'],
  ['rampSeconds: 3\n', 'x.yaml:1:1: the scenario needs exactly one of users, sessionsPerSecond and turnsPerSecond.'],
  [
    'users: 1\nthinkMs: soon\n',
    'x.yaml:2:1: “thinkMs”: takes a number from 0 on, {min, max}, {mean} or {median, p95}.',
  ],
  ['users: 1\nthinkMs: { min: 3, max: 1 }\n', 'x.yaml:2:1: “thinkMs”: min must not be more than max.'],
  ['users: 1\ncancel: { share: 2 }\n', 'x.yaml:2:11: “cancel.share”: too big: expected number to be <=1.'],
  ['turnsPerSecond: 5\n', 'x.yaml:1:1: turnsPerSecond and sessions go together.'],
])('%j is refused with its place', (text, sentence) => {
  expect(() => parseScenario(text, 'x.yaml')).toThrow(sentence);
});

test('a name that is neither built in nor a file', async () => {
  await expect(readScenario('chatt')).rejects.toThrow(
    'There is no scenario “chatt”; choose from chat, voice, idle, reconnect, cancel, slow-readers, tenants, soak, or give a .yaml or .js file.',
  );
});

test('flags take the place of what the scenario says of load', async () => {
  const { scenario } = await readScenario('chat', { turnsPerSecond: 5, sessions: 10, holdSeconds: undefined });
  expect(scenario).toMatchObject({ turnsPerSecond: 5, sessions: 10, holdSeconds: 30 });
  expect(scenario.users).toBeUndefined();
});
