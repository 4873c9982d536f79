import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { UsageQuery, UsageReport } from '../../src/ledger/contract.ts';
import { believingBearers } from '../support/bearer-identities.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';
import { keyOf, type Person, startUsageScene, sumsOf, takeTurns } from '../support/usage-scene.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const sums = {
  attempts: 4,
  turns: 3,
  input: 1_200,
  output: 340,
  cached: 1_000,
  reasoning: 0,
  costUsd: 0.0125,
  unpriced: 1,
};
const report: UsageReport = {
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-01-02T00:00:00.000Z',
  groups: [
    { by: { model: 'gpt-4o' }, ...sums },
    { by: { model: '\u001b[31mred' }, ...sums, unpriced: 0 },
  ],
  total: { ...sums, turns: 6 },
};

/** The command as a process of its own. */
async function run(url: string, key: string, args: string[]) {
  const child = spawn(process.execPath, [main, 'usage', '--url', url, ...args], {
    env: { ...process.env, PARLEY_KEY: key },
    cwd: temporaryDirectory(),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

async function usage(...args: string[]) {
  const asked: UsageQuery[] = [];
  const queryUsage = async (query: UsageQuery): Promise<UsageReport> => {
    asked.push(query);
    return report;
  };
  const gateway = await startTestGateway({ authenticate: believingBearers(), queryUsage });
  return { ...(await run(gateway.url, 'acme/ann/admin', args)), asked };
}

describe('parley usage', () => {
  test('prints a table, and sends what was asked for', async () => {
    const { code, stdout, stderr, asked } = await usage(
      ...['--from', '2026-01-01', '--to', '2026-01-02', '--group-by', 'model', '--filter', 'user=bob', 'kind=turn'],
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(asked[0]).toMatchObject({ tenant: 'acme', groupBy: ['model'], filter: { user: 'bob', kind: 'turn' } });
    expect(stdout).toBe(`2026-01-01T00:00:00.000Z to 2026-01-02T00:00:00.000Z
model     turns  calls  input  cached  output               cost $
gpt-4o        3      4   1200    1000     340  0.0125 + 1 unpriced
\ufffd[31mred      3      4   1200    1000     340               0.0125
all           6      4   1200    1000     340  0.0125 + 1 unpriced
`);
  });

  test('prints JSON and CSV as the gateway gives them', async () => {
    expect(JSON.parse((await usage('--json')).stdout)).toEqual(report);
    const { stdout } = await usage('--csv', '--group-by', 'model');
    expect(stdout.split('\r\n')[0]).toBe('model,attempts,turns,input,output,cached,reasoning,costUsd,unpriced');
  });

  test('prints what clients were told that their turns used, of those that the key may see', async () => {
    const scene = await startUsageScene();
    const taken = await takeTurns(scene);
    const acme = taken.filter(({ person }) => person !== 'stranger');
    const ask = async (person: Person, ...args: string[]) => {
      const { code, stdout, stderr } = await run(scene.gateway.url, keyOf(person), args);
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    };
    const told = JSON.parse(await ask('root', '--group-by', 'user', '--json')) as UsageReport;
    expect(told.total).toMatchObject(sumsOf(acme));
    expect(Object.fromEntries(told.groups.map(({ by, costUsd }) => [by.user, costUsd]))).toEqual(
      Object.fromEntries(
        ['ann', 'bob'].map((name) => [name, sumsOf(acme.filter(({ person }) => person === name)).costUsd]),
      ),
    );
    const own = acme.filter(({ person }) => person === 'bob');
    const { turns, input, output, cached, costUsd } = sumsOf(own);
    const [, head, row] = (await ask('bob', '--group-by', 'user')).split('\n');
    expect(head!.split(/ {2,}/)).toEqual(['user', 'turns', 'calls', 'input', 'cached', 'output', 'cost $']);
    expect(row!.split(/ {2,}/)).toEqual(
      ['bob', turns, own.length, input, cached, output, costUsd.toFixed(4)].map(String),
    );
    const csv = await ask('root', '--group-by', 'status', '--csv');
    expect(csv.trimEnd().split('\r\n')).toHaveLength(4);
  });

  test('wrong input is told in one sentence with exit code 2, a refusal with 1', async () => {
    expect(await usage('--from', 'yesterday')).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'The request cannot be used: query: “from”: it takes a time such as 2026-01-31, 2026-01-31T12:00:00Z, -7d or now.\n',
    });
    expect(await usage('--key', 'nonsense')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^[^\n]+\n$/) });
  });
});
