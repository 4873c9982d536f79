import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ConfigInput } from '../../src/config/schema.ts';
import { builtInScenarios } from '../../src/load/built-in-scenarios.ts';
import type { RunResult } from '../../src/load/result.ts';
import type { ScenarioInput } from '../../src/load/scenario.ts';
import { launchChromium } from '../support/chromium.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { startPracticeProcess } from '../support/practice-process.ts';
import { temporaryDirectory } from '../support/test-gateway.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

function parley(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, [main, ...args], { cwd: temporaryDirectory() });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** A gateway in front of a practice upstream with short answers. */
async function startScene(upstreamFlags: readonly string[] = [], config: ConfigInput = {}) {
  const pace = ['--tokens', '20-60', '--tokens-per-second', '100', '--first-token', '20ms', '--jitter', '0.3'];
  const practice = await startPracticeProcess([...pace, ...upstreamFlags]);
  const gateway = await startGatewayProcess({
    ...config,
    data: temporaryDirectory(),
    upstreams: [{ name: 'practice', wire: 'openai-chat', baseUrl: practice.url, defaultModel: 'gpt-4o' }],
  });
  return { practice, gateway };
}

/** Runs a scenario that is written as a file. */
async function bench(url: string, scenario: ScenarioInput, ...flags: string[]): Promise<Run & { result: RunResult }> {
  const file = join(temporaryDirectory(), 'scenario.yaml');
  writeFileSync(file, stringify(scenario));
  const run = await parley('bench', file, '--url', url, '--json', ...flags);
  if (!run.stdout.startsWith('{')) throw new Error(`no result: ${run.stderr}`);
  return { ...run, result: JSON.parse(run.stdout) as RunResult };
}

/** A built-in scenario, small and quick. */
const small = (name: string): ScenarioInput => ({
  ...builtInScenarios[name]!,
  users: 12,
  rampSeconds: 0.5,
  holdSeconds: 3,
  storms: (builtInScenarios[name]!.storms ?? []).map((storm) => ({ ...storm, everySeconds: 0.7 })),
});

function expectClean({ result, code, stderr }: Run & { result: RunResult }): void {
  expect(result.tallies.violations).toEqual({});
  expect(result.tallies.errors).toEqual({});
  expect(result.counts.turnsEnded).toBe(result.counts.turnsStarted);
  expect([code, stderr.match(/broke a promise/)]).toEqual([0, null]);
}

const checks: Record<string, (result: RunResult) => void> = {
  chat: ({ tallies, timings, counts }) => {
    expect(Object.keys(tallies.statuses)).toEqual(['completed']);
    expect(counts.connects).toBeGreaterThan(11);
    expect(timings.gap.count).toBeGreaterThan(timings.firstToken.count);
  },
  voice: ({ tallies, timings }) => {
    expect(tallies.statuses.cancelled).toBeGreaterThan(0);
    expect(timings.cancel.count).toBeGreaterThan(0);
  },
  idle: ({ counts, timeline }) => {
    expect([counts.connects, counts.turnsStarted]).toEqual([12, 0]);
    expect(Math.max(...timeline.map((entry) => entry.openSockets))).toBe(12);
  },
  reconnect: ({ counts, timings, tallies }) => {
    expect(counts.resumes).toBeGreaterThan(11);
    expect([timings.resume.count, counts.snapshots]).toEqual([counts.resumes, 0]);
    expect(Object.keys(tallies.statuses)).toEqual(['completed']);
  },
  cancel: ({ counts, tallies }) => {
    expect(counts.cancels).toBeGreaterThan(11);
    expect(tallies.statuses.cancelled).toBeGreaterThan(0);
  },
  'slow-readers': ({ tallies }) => expect(Object.keys(tallies.statuses)).toEqual(['completed']),
  tenants: ({ tenants }) => expect(Object.keys(tenants)).toContain('large'),
  soak: ({ counts }) => expect(counts.connects).toBeGreaterThan(12),
};

test('every built-in scenario runs against a gateway, and every event and text is right', async () => {
  expect(Object.keys(checks)).toEqual(Object.keys(builtInScenarios));
  const { gateway, practice } = await startScene(['--seed', '7']);
  for (const [name, check] of Object.entries(checks)) {
    const run = await bench(gateway.url, small(name), '--verify', '7', '--workers', '2');
    expectClean(run);
    check(run.result);
  }
  const cancelled = practice.closed().filter(({ closedBy }) => closedBy === 'client');
  expect(cancelled.length).toBeGreaterThan(0);
  expect(cancelled.every(({ tokens, of }) => tokens <= of)).toBe(true);
}, 120_000);

test('open loops begin what they are meant to, and count everything', async () => {
  const { gateway } = await startScene();
  const turns = await bench(gateway.url, { turnsPerSecond: 20, sessions: 10, holdSeconds: 2 }, '--verify', '1');
  // how many a busy machine begins in time is not for a test to say: what it did not begin is counted
  const { turn_not_begun: late = 0, ...errors } = turns.result.tallies.errors as Record<string, number>;
  expect([turns.result.tallies.violations, errors]).toEqual([{}, {}]);
  expect(turns.result.counts.turnsEnded).toBe(turns.result.counts.turnsStarted);
  expect(turns.result.counts.turnsStarted + late).toBe(40);
  const sessions = await bench(gateway.url, { sessionsPerSecond: 10, holdSeconds: 2, turnsPerSession: 1 });
  expectClean(sessions);
  expect([sessions.result.counts.connects, sessions.result.counts.turnsEnded]).toEqual([20, 20]);
}, 60_000);

test('a text that is not the seed’s is a broken promise', async () => {
  const { gateway } = await startScene(['--seed', '1']);
  const { result, code, stderr } = await bench(gateway.url, { users: 2, holdSeconds: 1 }, '--verify', '2');
  expect(Object.keys(result.tallies.violations)).toEqual(['wrong_text']);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/The gateway broke a promise: wrong text, \d+ times.\n$/)]);
}, 60_000);

test('planned failures are counted by their codes, and a broken threshold is a line and exit code 1', async () => {
  const { gateway } = await startScene(['--fail', '400:1']);
  const thresholds = join(temporaryDirectory(), 'thresholds.yaml');
  writeFileSync(thresholds, "errors.rate: '<1%'\nturns.count: '>=1'\n");
  const { result, code, stderr } = await bench(
    gateway.url,
    { users: 2, holdSeconds: 1, thinkMs: 50 },
    '--thresholds',
    thresholds,
  );
  expect(Object.keys(result.tallies.errors)).toEqual(['upstream_rejected']);
  expect(Object.keys(result.tallies.statuses)).toEqual(['failed']);
  expect(code).toBe(1);
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^errors.rate is 0\.\d+, and was to be <1%\.$/);
}, 60_000);

test('the sessions of a run are erased after it, stay where they are to, and where the key may not', async () => {
  const keys = [
    { name: 'owner', key: 'a-s3cret-of-an-owner-of-sessions', roles: ['owner' as const] },
    { name: 'user', key: 'a-s3cret-of-a-user-of-sessions', roles: ['user' as const] },
  ];
  const { gateway } = await startScene([], { auth: { keys } });
  const listed = async (): Promise<number> => {
    const response = await fetch(`${gateway.url}/v1/sessions?limit=100`, {
      headers: { authorization: `Bearer ${keys[0]!.key}` },
    });
    return ((await response.json()) as { data: unknown[] }).data.length;
  };
  const scenario: ScenarioInput = { users: 10, holdSeconds: 2, turnsPerSession: 1, thinkMs: 100 };
  const run = async (...flags: string[]) => (await bench(gateway.url, scenario, ...flags)).result;

  const { sessions, counts } = await run('--key', keys[0]!.key);
  // one that is attached when the run ends, and not live yet, is no connect
  expect(sessions!.erased).toBeGreaterThanOrEqual(counts.connects);
  expect(sessions!.left).toEqual({});
  expect(await listed()).toBe(0);

  const kept = await run('--key', keys[0]!.key, '--keep');
  expect(kept.sessions).toBeUndefined();
  expect(await listed()).toBe(Math.min(100, kept.counts.turnsEnded));

  const forbidden = await run('--key', keys[1]!.key);
  expect([forbidden.sessions!.erased, Object.keys(forbidden.sessions!.left)]).toEqual([0, ['forbidden']]);
}, 60_000);

test('a gateway that is not there, or does not know the key, gets one sentence and exit code 2', async () => {
  const { gateway } = await startScene([], {
    auth: { anonymous: false, keys: [{ name: 'a', key: 'a-s3cret-of-a-user-of-sessions', roles: ['user'] }] },
  });
  const cases: [string[], RegExp][] = [
    [['--url', 'http://127.0.0.1:9'], /^The gateway at \S+ cannot be reached: ECONNREFUSED\.\n$/],
    [['--url', gateway.url], /^The gateway at \S+ lets nobody in without a key: give one with --key\.\n$/],
    [['--url', gateway.url, '--key', 'none'], /^The gateway at \S+ does not know the key of --key\.\n$/],
    [
      ['--url', gateway.url, '--key', 'a-s3cret-of-a-user-of-sessions', 'none'],
      /does not know the key number 2 of --key\.\n$/,
    ],
    [
      ['--url', gateway.url, '--key', 'a-s3cret-of-a-user-of-sessions', '--metrics-url', 'http://127.0.0.1:4/metrics'],
      /^The metrics at \S+ cannot be read: ECONNREFUSED\.\n$/,
    ],
    [['--url', gateway.url, '--out', '/nowhere/a.json'], /^The file \/nowhere\/a\.json cannot be written: ENOENT\.\n$/],
  ];
  for (const [flags, sentence] of cases) {
    const { code, stdout, stderr } = await parley('bench', 'chat', ...flags);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(sentence)]);
  }
}, 60_000);

test.each([
  [['chatt'], /^There is no scenario “chatt”; choose from chat, /],
  [['chat', '--users', 'many'], /^--users takes a number, not “many”\.\n$/],
  [['chat', '--users', '0'], /^“users”: too small: expected number to be >=1\.\n$/],
  [['chat', '--url', 'nonsense'], /^“nonsense” is not an address of a gateway/],
  [['chat', '--thresholds', '/nowhere.yaml'], /^The file \/nowhere.yaml cannot be read\.\n$/],
  [['chat', '--server-pid', '99999999'], /^There is no process 99999999 to measure/],
  [['chat', '--metrics-url', 'nonsense'], /^--metrics-url takes an address such as /],
  [['sizing', '/nowhere.json', '--sockets', '9'], /^The curves \/nowhere.json cannot be read\.\n$/],
  [
    ['sizing', '/nowhere.json', '--sockets', '9', '--streaming', '2'],
    /^--streaming takes a share such as 5% or 0\.05, not “2”\.\n$/,
  ],
  [['compare', '/nowhere.json', '/nowhere.json'], /^The result \/nowhere.json cannot be read\.\n$/],
])('%j gets one sentence and exit code 2', async (args, sentence) => {
  const { code, stdout, stderr } = await parley('bench', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(sentence);
});

test.each([
  [['--fail', '200:1'], /^“200” is no failure: take a status from 400 to 599, or /],
  [['--tokens', '9-3'], /^--tokens takes a number or a range such as 50-200, not “9-3”\.\n$/],
  [['--port', 'x'], /^--port takes a whole number from 0 to 65535, not “x”\.\n$/],
])('practice-upstream %j gets one sentence and exit code 2', async (args, sentence) => {
  const { code, stderr } = await parley('practice-upstream', ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(sentence);
});

test('a result is written without keys, compared with itself, and reported as a page that needs nothing else', async () => {
  const key = 'a-s3cret-of-the-load-test';
  const { gateway } = await startScene([], { auth: { keys: [{ name: 'load', key, roles: ['user'] }] } });
  const directory = temporaryDirectory();
  const [out, report] = [join(directory, 'a.json'), join(directory, 'a.html')];
  const flags = ['--key', key, '--out', out, '--report', report, '--server-pid', String(gateway.pid)];
  const description = 'a <b>bold</b> & "quoted" one';
  expectClean(await bench(gateway.url, { ...small('voice'), description }, ...flags));
  expect(readFileSync(out, 'utf8') + readFileSync(report, 'utf8')).not.toContain('s3cret');
  const compared = await parley('bench', 'compare', out, out);
  expect(compared.code).toBe(0);
  expect(compared.stdout).toMatch(/^turns\/s +\S+ +\S+ +1\.00/m);

  const browser = await launchChromium();
  try {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 800 } });
      const [told, asked]: [string[], string[]] = [[], []];
      page.on('console', (message) => told.push(message.text()));
      page.on('pageerror', (error) => told.push(error.message));
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(pathToFileURL(report).href);
      expect(told).toEqual([]);
      expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(report).href]);
      expect(await page.locator('header').textContent()).toContain(description);
      expect(await page.locator('figure svg').count()).toBeGreaterThan(10);
      expect(await page.getByText('server memory').count()).toBe(1);
      // a narrow window scrolls tables, not the page
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      await page.close();
    }
  } finally {
    await browser.close();
  }
}, 60_000);
