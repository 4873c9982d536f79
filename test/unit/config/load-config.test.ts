import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';

function fileOf(text: string): string {
  const path = join(temporaryDirectory(), 'parley.yaml');
  writeFileSync(path, text);
  return path;
}

function problemsOf(options: Parameters<typeof loadConfig>[0]): string[] {
  try {
    loadConfig(options);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems.map((problem) => problem.replace(/^.*\//, ''));
  }
  throw new Error('it was accepted');
}

describe('the configuration', () => {
  test('has defaults, and flags win over environment over file', () => {
    expect(loadConfig({ environment: {} })).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      data: './parley-data',
      upstreams: [],
    });
    const file = fileOf('port: 1\nhost: a\ndata: x\n');
    expect(loadConfig({ file, environment: { PORT: '2', HOST: 'b' }, flags: { port: '3' } })).toMatchObject({
      port: 3,
      host: 'b',
      data: 'x',
    });
    expect(
      loadConfig({ environment: { PARLEY_LOG_LEVEL: 'debug', PARLEY_ORIGINS: 'https://a, https://b' } }),
    ).toMatchObject({
      log: { level: 'debug', format: 'auto' },
      origins: ['https://a', 'https://b'],
    });
    expect(Object.isFrozen(loadConfig({ environment: {} }).limits)).toBe(true);
  });

  test('takes OPENAI_API_KEY for an upstream unless one is configured', () => {
    const [upstream] = loadConfig({
      environment: { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1', OPENAI_MODEL: 'm' },
    }).upstreams;
    expect(upstream).toMatchObject({
      name: 'openai',
      wire: 'openai-chat',
      baseUrl: 'http://127.0.0.1:1/v1',
      apiKey: 'sk-1',
      defaultModel: 'm',
    });
    const file = fileOf('upstreams:\n  - { name: p, wire: practice }\n');
    expect(loadConfig({ file, environment: { OPENAI_API_KEY: 'sk-1' } }).upstreams).toMatchObject([{ name: 'p' }]);
  });

  test('puts environment variables into strings of the file', () => {
    const file = fileOf(
      "upstreams:\n  - { name: a, wire: openai-chat, baseUrl: 'https://x/v1', apiKey: '${MY_KEY}', defaultModel: m }\n",
    );
    expect(loadConfig({ file, environment: { MY_KEY: 'secret' } }).upstreams[0]).toMatchObject({ apiKey: 'secret' });
    expect(problemsOf({ file, environment: {} })).toEqual([
      'parley.yaml:2:60: the environment variable MY_KEY is not set.',
    ]);
  });

  test.each([
    ['port: x\n', ['parley.yaml:1:1: “port”: invalid input: expected number, received string.']],
    ['host: a\nlimts: {}\n', ['parley.yaml:2:1: “limts” is not a setting.']],
    ['limits:\n  maxSockets: 0\n', ['parley.yaml:2:3: “limits.maxSockets”: too small: expected number to be >=1.']],
    ['a: [1,\n', [expect.stringMatching(/^parley\.yaml:2:1: /)]],
    ['port: 1\nport: 2\n', [expect.stringMatching(/^parley\.yaml:2:1: .*unique/)]],
    ['- 1\n', ['parley.yaml:1:1: the file must be a map of settings.']],
  ])('tells what is wrong in %j with line and column', (text, problems) => {
    expect(problemsOf({ file: fileOf(text), environment: {} })).toEqual(problems);
  });

  test('takes every form of an address of Redis, and refuses others without saying the password', () => {
    const environment = { PARLEY_STORE: 'redis-sentinel://u:p@a:1,b:2/0?name=m' };
    expect(loadConfig({ environment }).store).toBe(environment.PARLEY_STORE);
    const [problem] = problemsOf({ environment: {}, flags: { store: 'redis-cluster://:s3cret@a:b' } });
    expect(problem).toMatch(/^--store: “store”: each host of the address of Redis is host:port/);
    expect(problem).not.toContain('s3cret');
    const file = fileOf('redis:\n  tls: { keyFile: k }\n');
    expect(problemsOf({ file, environment: {} })[0]).toContain('certificateFile and keyFile go together');
  });

  test('names the variable or flag that is wrong', () => {
    expect(problemsOf({ environment: { PORT: 'abc' } })[0]).toMatch(/^PORT: “port”/);
    expect(problemsOf({ environment: {}, flags: { 'log.level': 'loud' } })[0]).toMatch(/^--log-level: “log.level”/);
    expect(problemsOf({ file: '/nowhere/parley.yaml' })[0]).toMatch(/cannot be read/);
  });
});

describe('the connections of an upstream', () => {
  const upstream = (lines: string): string =>
    fileOf(
      `upstreams:\n  - name: a\n    wire: openai-chat\n    baseUrl: https://a.test/v1\n    defaultModel: m\n${lines}`,
    );

  test('are to public addresses, opened when needed and not checked, unless it says otherwise', () => {
    const usual = loadConfig({ file: upstream(''), environment: {} }).upstreams[0];
    expect(usual).toMatchObject({ allowPrivateNetwork: false, prewarm: 0 });
    expect(usual).not.toHaveProperty('health');
    const lines = '    allowPrivateNetwork: true\n    prewarm: 2\n    health: { everyMs: 5000, path: /health }\n';
    expect(loadConfig({ file: upstream(lines), environment: {} }).upstreams[0]).toMatchObject({
      allowPrivateNetwork: true,
      prewarm: 2,
      health: { everyMs: 5000, path: '/health' },
    });
  });

  test('have certificate and key together, and a path for checks that is one', () => {
    expect(problemsOf({ file: upstream('    tls: { keyFile: a.pem }\n'), environment: {} }).join()).toContain(
      'go together',
    );
    expect(problemsOf({ file: upstream('    health: { everyMs: 5000, path: x }\n'), environment: {} })).toHaveLength(1);
  });
});
