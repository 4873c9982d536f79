import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { UpstreamError } from '../../src/upstream/contract.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const practice = { name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 } as const;

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `parley` with the given input on its standard input; `onOutput` may end it with a signal. */
function run(
  args: string[],
  input = '',
  onOutput: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Run> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, OPENAI_API_KEY: '', OPENAI_BASE_URL: '' },
    cwd: temporaryDirectory(),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput(stdout, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

describe('wrong input gets one sentence and exit code 2', () => {
  test.each([
    [
      ['serv'],
      'There is no command “serv”; choose from serve, config, route, chat, tail, models, keys, usage, practice-upstream, bench.\n',
    ],
    [['--port', 'abc'], '--port: “port”: invalid input: expected number, received string.\n'],
    [['--port', '99999'], '--port: “port”: too big: expected number to be <=65535.\n'],
    [
      ['--config', '/nowhere.yaml'],
      'The configuration file /nowhere.yaml cannot be read; check the path given with --config.\n',
    ],
    [
      ['chat', '--url', 'nonsense'],
      '“nonsense” is not an address of a gateway; give one such as http://127.0.0.1:8080.\n',
    ],
    [['usage', '--json', '--csv'], 'Take --json or --csv, not both.\n'],
    [['usage', '--filter', 'model=a', '--filter', 'model=b'], '--filter has model twice.\n'],
    [
      ['usage', '--filter', 'color=red'],
      '--filter takes key=value with a key of tenant, session, turn, user, key, team, tier, route, variant, upstream, model, kind, status, source; not “color=red”.\n',
    ],
    [['tail', 'x', '--after', '-1'], '--after takes a position: a whole number from 0 on.\n'],
  ])('%j', async (args, sentence) => {
    expect(await run(args)).toEqual({ code: 2, stdout: '', stderr: sentence });
  });

  test.each([[['--nope']], [['tail']], [['--transport', 'carrier-pigeon']], [['chat', 'extra']]])(
    '%j',
    async (args) => {
      const { code, stderr } = await run(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^\S.*\nRun “parley --help” for the commands and flags\.\n$/);
    },
  );
});

test('help and version', async () => {
  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { code, stdout } = await run(['--help']);
  expect(code).toBe(0);
  for (const command of ['serve', 'config', 'chat', 'tail']) expect(stdout).toContain(command);
});

test('config check prints the settings without secrets', async () => {
  const { code, stdout } = await run(['config', 'check', '--port', '7']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ port: 7, host: '127.0.0.1' });
  const store = 'redis-sentinel://user:s3cret@a:1,b:2/0?name=main';
  const printed = (await run(['config', 'check', '--store', store])).stdout;
  expect(JSON.parse(printed)).toMatchObject({ store: 'redis-sentinel://secret@a:1,b:2/0?name=main' });
});

test('models are listed, and a public list becomes a file of them', async () => {
  const { code, stdout } = await run(['models', 'list']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^openai +gpt-4o +128000 +16384 +text image/m);
  const directory = temporaryDirectory();
  const [list, out] = [join(directory, 'list.json'), join(directory, 'models.json')];
  const model = { litellm_provider: 'openai', mode: 'chat', max_input_tokens: 7_777, supports_vision: true };
  writeFileSync(list, JSON.stringify({ 'gpt-4o': model, other: { litellm_provider: 'openai', mode: 'embedding' } }));
  expect(await run(['models', 'import', list, '--out', out])).toEqual({
    code: 0,
    stdout: '',
    stderr: '1 models, 1 left out\n',
  });
  const all = JSON.parse((await run(['models', 'list', '--json', '--file', out])).stdout) as { models: object[] };
  expect(all.models).toContainEqual(expect.objectContaining({ model: 'gpt-4o', contextTokens: 7_777 }));
  expect(await run(['models', 'import', '/nowhere.json'])).toMatchObject({ code: 2, stdout: '' });
});

test('chat answers line by line, and tail prints the frames', async () => {
  const gateway = await startGatewayProcess({ data: temporaryDirectory(), upstreams: [practice] });
  const talked = await run(['chat', '--url', gateway.url, '--session', 'cli'], '/echo one\n\n/echo two\n');
  expect(talked).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '' });
  const { stdout } = await run(['tail', 'cli', '--url', gateway.url], '', (text, kill) => {
    if (text.includes('"t":"live"')) kill('SIGINT');
  });
  const frames = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { t: string });
  expect(frames.filter((frame) => frame.t === 'turn.ended')).toHaveLength(2);
  expect((await run(['tail', 'unknown', '--url', gateway.url])).code).toBe(1);
});

test('chat tells that an answer begins anew, and lists its sources', async () => {
  const first = createScriptedUpstream(({ sink }) => {
    sink.onOpen('1');
    sink.onText('Half of');
    sink.onError(new UpstreamError('upstream_truncated', 'It broke.'));
    sink.onClose();
  }, 'first');
  const second = createScriptedUpstream((call) => {
    call.sink.onSource?.({ url: 'https://example.com/a', title: 'An example' });
    call.sink.onSource?.({ url: 'https://example.com/b' });
    answerWith(['The ', 'whole.'])(call);
  }, 'second');
  const gateway = await startTestGateway({
    upstreamObjects: [first, second],
    routes: [{ name: 'all', model: 'first', fallback: ['second'], onBreak: 'restart', retry: { attempts: 0 } }],
  });
  const { code, stdout, stderr } = await run(['chat', '--url', gateway.url], 'Tell me.\n');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(
    'Half of\n[the answer begins anew: upstream_truncated]\nThe whole.\n' +
      '[source] An example: https://example.com/a\n[source] https://example.com/b\n',
  );
});

test('chat: an interrupt cancels the running turn', async () => {
  const gateway = await startGatewayProcess({
    data: temporaryDirectory(),
    upstreams: [{ ...practice, tokensPerSecond: 50 }],
  });
  let interrupted = false;
  const { stdout, stderr } = await run(['chat', '--url', gateway.url], '/long\n', (text, kill) => {
    if (interrupted || text.length < 20) return;
    interrupted = true;
    kill('SIGINT');
  });
  expect(stderr).toContain('[cancelled: interrupted by the user]');
  expect(stdout.length).toBeLessThan(2_000);
  expect(gateway.log()).toContain('"status":"cancelled"');
});

test('a gateway that is not there is told in one sentence', async () => {
  const { code, stderr } = await run(['chat', '--url', 'http://127.0.0.1:9']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/Is the gateway running\? Start it with “parley serve”, or give its address with --url\.\n$/);
});

describe('keys', () => {
  test('are made, listed, rotated and revoked in the store, and let in by the gateway on it', async () => {
    const data = temporaryDirectory();
    const made = await run([
      'keys',
      'create',
      '--data',
      data,
      '--name',
      'site',
      '--tenant',
      'acme',
      '--limit',
      'sockets=5',
    ]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pk_\w{16}_\w{43}\n$/) });
    const id = made.stdout.slice(3, 19);
    expect(made.stderr).toContain('"audit":true');
    expect(made.stderr).toMatch(new RegExp(`"act":"key.created",.*"subject":"operator","target":"${id}"`));
    expect(made.stderr).not.toContain(made.stdout.trim());
    const listed = await run(['keys', 'list', '--data', data, '--json']);
    const [key] = (JSON.parse(listed.stdout) as { keys: object[] }).keys;
    expect(key).toMatchObject({ id, name: 'site', tenant: 'acme', roles: ['user'], limits: { sockets: 5 } });
    expect(listed.stdout).not.toContain(made.stdout.trim().slice(-43));
    const rotated = await run(['keys', 'rotate', id, '--overlap', '0s', '--data', data]);
    const gateway = await startTestGateway({ data, upstreams: [practice] });
    const say = (secret: string) => run(['chat', '--url', gateway.url, '--key', secret.trim()], 'Hello\n');
    expect((await say(rotated.stdout)).code).toBe(0);
    expect((await say(made.stdout)).code).toBe(1);
    const locked = await run(['keys', 'revoke', id, '--data', data]);
    expect(locked).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The data directory .* is in use .* --url .*\.\n$/),
    });
    await gateway.close();
    expect((await run(['keys', 'revoke', id, '--data', data])).code).toBe(0);
    expect((await run(['keys', 'list', '--data', data])).stdout).toMatch(/\(revoked /);
  });

  test('changes in the store leave a line in the audit file', async () => {
    const directory = temporaryDirectory();
    const [config, file] = [join(directory, 'parley.yaml'), join(directory, 'audit.jsonl')];
    writeFileSync(config, `data: ${join(directory, 'data')}\naudit: { file: ${file} }\n`);
    const made = await run(['keys', 'create', '--config', config, '--name', 'site', '--tenant', 'acme']);
    const id = made.stdout.slice(3, 19);
    expect(made.stderr).not.toContain('audit');
    await run(['keys', 'rotate', id, '--config', config]);
    await run(['keys', 'list', '--config', config]);
    await run(['keys', 'revoke', id, '--config', config]);
    const text = readFileSync(file, 'utf8');
    const by = { tenant: 'acme', subject: 'operator', target: id };
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      { act: 'key.created', ...by },
      { act: 'key.rotated', ...by },
      { act: 'key.revoked', ...by },
    ]);
    expect(text).not.toContain(made.stdout.trim().slice(-43));
    writeFileSync(config, `data: ${join(directory, 'data')}\naudit: { file: ${directory} }\n`);
    expect(await run(['keys', 'create', '--config', config, '--name', 'site'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `The audit file ${directory} cannot be written; check audit.file.\n`,
    });
  });

  describe('over the address of a gateway that runs', () => {
    const [admin, user] = ['an-admin-of-acme-comes-in', 'a-user-of-acme-comes-in-too'];
    const start = async () => {
      const gateway = await startGatewayProcess({
        data: temporaryDirectory(),
        auth: {
          keys: [
            { name: 'root', key: admin, tenant: 'acme', roles: ['admin', 'user'] },
            { name: 'bob', key: user, tenant: 'acme', roles: ['user'] },
          ],
        },
        upstreams: [practice],
      });
      const keys = (args: string[], key = admin) => run(['keys', ...args, '--url', gateway.url, '--key', key]);
      return { gateway, keys };
    };

    test('admins manage the keys of their tenant', async () => {
      const { gateway, keys } = await start();
      const isLetIn = async (secret: string) => {
        const headers = { authorization: `Bearer ${secret.trim()}` };
        return (await fetch(`${gateway.url}/v1/sessions`, { headers })).status === 200;
      };
      const made = await keys(['create', '--name', 'site', '--subject', 'ann', '--limit', 'sockets=5']);
      expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^pk_\w{16}_\w{43}\n$/) });
      const id = made.stdout.slice(3, 19);
      expect(await isLetIn(made.stdout)).toBe(true);
      const listed = JSON.parse((await keys(['list', '--json'])).stdout) as { keys: object[] };
      expect(listed.keys).toMatchObject([{ id, name: 'site', tenant: 'acme', subject: 'ann', limits: { sockets: 5 } }]);
      const rotated = await keys(['rotate', id, '--overlap', '0s']);
      expect([await isLetIn(made.stdout), await isLetIn(rotated.stdout)]).toEqual([false, true]);
      expect(await keys(['revoke', id])).toEqual({ code: 0, stdout: '', stderr: `The key ${id} (site) is revoked.\n` });
      expect(await isLetIn(rotated.stdout)).toBe(false);
      expect((await keys(['list'])).stdout).toMatch(new RegExp(`^${id}  acme  ann  user  site  \\(revoked .*\\)\n$`));
      for (const act of ['key.created', 'key.rotated', 'key.revoked'])
        expect(gateway.log()).toMatch(new RegExp(`"act":"${act}".*"keyId":"config:root".*"target":"${id}"`));
    });

    test('what is refused is told in one sentence, with exit code 1', async () => {
      const { gateway, keys } = await start();
      const wrong = 'The credential is missing, wrong or expired.\n';
      const refusals: [Promise<Run>, string | RegExp][] = [
        [keys(['list'], 'a-key-that-nobody-has'), wrong],
        [keys(['revoke', 'any'], `pk_${'a'.repeat(16)}_${'b'.repeat(43)}`), wrong],
        [keys(['create', '--name', 'x'], user), /^[^\n]+\n$/],
        [keys(['create', '--name', 'x', '--tenant', 'other']), 'This is another tenant.\n'],
        [keys(['rotate', 'nobodyhasthiskey']), /^There is no key “nobodyhasthiskey”[^\n]*\n$/],
        [
          run(['keys', 'list', '--url', 'http://127.0.0.1:9', '--key', admin]),
          'The gateway at http://127.0.0.1:9 cannot be reached; check --url.\n',
        ],
      ];
      for (const [asked, sentence] of refusals) {
        const { code, stdout, stderr } = await asked;
        expect([code, stdout]).toEqual([1, '']);
        expect(stderr).toMatch(sentence);
      }
      expect(gateway.log()).not.toContain('nobody-has');
    });
  });

  test.each([
    [['create', '--name', 'x', '--tenant', '{}'], '“tenant”: is not a name of a tenant.\n'],
    [['create', '--name', 'x', '--limit', 'many'], '--limit takes a name and a number, not “many”.\n'],
    [['create', '--name', 'x', '--expires', 'soon'], '--expires takes a time such as 20s or 12h, not “soon”.\n'],
    [['create', '--name', 'x', '--expires', '2020-01-01'], '--expires is in the past.\n'],
    [['list', '--url', 'http://127.0.0.1:1'], '--url needs a key with the role admin: give it with --key.\n'],
  ])('%j: one sentence and exit code 2', async (args, stderr) => {
    expect(await run(['keys', ...args])).toEqual({ code: 2, stdout: '', stderr });
  });
});
