import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { environmentSettings, loadConfig } from '../../src/config/load-config.ts';
import { checkRoutes } from '../../src/gateway/live-routes.ts';
import { parseThresholds } from '../../src/load/thresholds.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { samplePng } from '../support/sample-png.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => match[1]!);
}

/** Runs a block inside the package, so that `parley/…` is what a user imports; `files` are where it is run. */
async function runBlock(code: string, files: Record<string, Buffer> = {}): Promise<string> {
  const directory = join(root, 'dist', `readme-${process.pid}-${Math.random().toString(36).slice(2)}`);
  mkdirSync(directory, { recursive: true });
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'block.mjs'), code);
  const cwd = temporaryDirectory();
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(cwd, name), bytes);
  const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'block.mjs')], { cwd });
  return stdout;
}

test('the client’s example talks to a gateway', async () => {
  const upstreams = [{ name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 }] as const;
  const gateway = await startGatewayProcess({ data: temporaryDirectory(), upstreams: [...upstreams] });
  const code = blocks('ts').find((block) => block.includes('trip-to-oslo'))!;
  expect(await runBlock(code.replace('http://127.0.0.1:8080', gateway.url))).toMatch(
    /\w+[\s\S]*\ncompleted, \d+ tokens \(provider\)\n$/,
  );
});

test('the gateway’s example runs as it stands', async () => {
  expect(await runBlock(blocks('ts').find((block) => block.includes('createGateway'))!)).toBe('It works.\n');
});

test('the example with a picture is answered', async () => {
  const upstreams = [{ name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 }] as const;
  const gateway = await startTestGateway({ upstreams: [...upstreams] });
  const code = blocks('ts').find((block) => block.includes('chart.png'))!;
  expect(
    await runBlock(code.replace('http://127.0.0.1:8080', gateway.url), { 'chart.png': samplePng(40, 30) }),
  ).toMatch(/You sent a picture \(image\/png, \d+ KB\)\. You said “What does this chart say\?”/);
});

test.each([
  ['{"sights":["Opera","Fram"]}', "[ 'Opera', 'Fram' ]\n"],
  ['The Opera.', 'output_invalid\n'],
])('the example of structured output tells of the answer %s', async (answer, told) => {
  const upstream = createScriptedUpstream(answerWith([answer]));
  const gateway = await startTestGateway({ upstreamObjects: [upstream] });
  const code = blocks('ts').find((block) => block.includes('responseFormat'))!;
  expect(await runBlock(code.replace('http://127.0.0.1:8080', gateway.url))).toBe(told);
  expect(upstream.calls[0]!.request.params.responseFormat).toMatchObject({ type: 'json_schema', name: 'sights' });
});

/** Stands for a provider's package, which is not installed here: a model as the SDK makes them for tests. */
const modelOfTests = `import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 2 } };
const chunks = [
  { type: 'text-delta', id: '1', delta: 'It works.' },
  { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
];
const mistral = (modelId) => new MockLanguageModelV3({ modelId, doStream: { stream: simulateReadableStream({ chunks }) } });`;
const talk = `import { connect } from 'parley/client/node';
const client = await connect(gateway.url);
console.log(await (await client.session()).send('Hello', { model: 'mistral/mistral-large-latest' }).text());
await client.close();
await gateway.drain();`;

test('the example of the AI SDK starts a gateway whose model answers', async () => {
  const code = blocks('ts').find((block) => block.includes('createAiSdkUpstream'))!;
  const [, rest] = code.split("import { mistral } from '@ai-sdk/mistral';\n");
  const log = "log: { level: 'silent' }";
  const block = [modelOfTests, rest!.replace('port: 8080', `port: 0, ${log}`), talk].join('\n');
  expect(await runBlock(block)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\nIt works\.\n$/);
});

test('the configuration example is accepted', () => {
  const file = join(temporaryDirectory(), 'parley.yaml');
  writeFileSync(file, blocks('yaml')[0]!);
  const environment = { OPENAI_API_KEY: 'sk-1', ANTHROPIC_KEY_1: 'sk-2', ANTHROPIC_KEY_2: 'sk-3' };
  expect(loadConfig({ file, environment, check: checkRoutes }).upstreams).toHaveLength(4);
});

test('the example of who is let in is accepted', () => {
  const file = join(temporaryDirectory(), 'parley.yaml');
  writeFileSync(file, blocks('yaml').find((block) => block.startsWith('auth:'))!);
  const { auth } = loadConfig({ file, environment: { BACKEND_KEY: 'a key of the backend' } });
  expect(auth.issuers.map(({ issuer }) => issuer)).toEqual(['https://login.example']);
});

test('the routes are accepted, with a team’s own part, and a turn is explained', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'parley.yaml');
  writeFileSync(file, blocks('yaml').find((block) => block.includes('quick-summaries'))!);
  mkdirSync(join(directory, 'teams'));
  writeFileSync(
    join(directory, 'teams', 'billing.yaml'),
    'routes: [{ name: billing, match: { team: billing }, model: careful }]',
  );
  const environment = { ...process.env, OPENAI_API_KEY: 'sk-1', ANTHROPIC_API_KEY: 'sk-2' };
  expect(loadConfig({ file, environment, check: checkRoutes }).routes.map(({ name }) => name)).toEqual([
    'billing',
    'quick-summaries',
    'try-out',
    'cheap-first',
    'default',
  ]);
  const explain = (...flags: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'dist/src/main.js'), 'route', 'explain', '-c', file, ...flags], {
      env: environment,
    });
  expect((await explain('--team', 'billing')).stdout).toContain('✓ billing: matches\nRoute: billing');
  expect((await explain('--task', 'summarize')).stdout).toContain('openai/gpt-4.1-mini (weight 3)');
});

test('every environment variable is in the table, and the commands are the two promised', () => {
  const missing = Object.keys(environmentSettings).filter((variable) => !readme.includes(`\`${variable}\``));
  expect(missing).toEqual([]);
  expect(readme).toContain('npm ci && npm start\n');
  expect(readme).toContain('npm ci && npm test\n');
});

test('the thresholds of a load test are read', () => {
  const block = blocks('yaml').find((text) => text.includes('thresholds.yaml'))!;
  expect(parseThresholds(block, 'thresholds.yaml').map(({ bound }) => bound)).toEqual([0.01, 200, 1_000]);
});
