import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RawClient } from '../support/raw-client.ts';
import { newTurnId, temporaryDirectory } from '../support/test-gateway.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

/** `parley serve` with a file that the test rewrites. */
async function startServe(file: string) {
  const args = [main, 'serve', '-c', file, '--port', '0', '--data', temporaryDirectory(), '--log-format', 'json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(async () => {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const seen = (what: string | RegExp, times = 1) =>
    expect
      .poll(
        () =>
          log.split('\n').filter((line) => (typeof what === 'string' ? line.includes(what) : what.test(line))).length,
      )
      .toBeGreaterThanOrEqual(times);
  await seen('Parley is listening');
  return { child, seen, url: /"url":"([^"]+)"/.exec(log)![1]!, log: () => log };
}

test('routes change while the gateway runs; a bad file is refused with its place, running turns keep their way', async () => {
  const [one, two] = [await startUpstreamDouble(), await startUpstreamDouble()];
  onTestFinished(async () => void (await Promise.all([one.close(), two.close()])));
  one.setPlan({ kind: 'stream', tokens: 60, intervalMs: 20 });
  const directory = temporaryDirectory();
  const file = join(directory, 'parley.yaml');
  const included = join(directory, 'routes.yaml');
  writeFileSync(
    file,
    `include: [routes.yaml]\nupstreams:\n  - { name: one, wire: openai-chat, baseUrl: '${one.url}', defaultModel: gpt-4o }\n  - { name: two, wire: openai-chat, baseUrl: '${two.url}', defaultModel: gpt-4o }\n`,
  );
  writeFileSync(included, 'routes:\n  - name: all\n    model: one\n');
  const gateway = await startServe(file);
  const client = await RawClient.connect(gateway.url);
  await client.attach({ ref: 1, s: 0, create: {} });
  await client.attach({ ref: 2, s: 1, create: {} });
  const say = (s: number): string => {
    const id = newTurnId();
    client.send({ t: 'turn', s, id, input: 'Say something.' });
    return id;
  };
  const running = say(0);
  await client.next('delta', ({ turn }) => turn === running);

  writeFileSync(included, 'routes:\n  - name: all\n    model: thre\n');
  await gateway.seen(/routes\.yaml:3:5.*thre/);
  writeFileSync(included, 'routes:\n  - name: all\n    model: two\n');
  await gateway.seen('were taken from the configuration');
  const later = say(1);
  expect((await client.next('turn.routed', ({ turn }) => turn === later)).upstream).toBe('two');
  expect(await client.next('turn.ended', ({ turn }) => turn === later)).toMatchObject({ status: 'completed' });
  expect(await client.next('turn.ended', ({ turn }) => turn === running)).toMatchObject({ status: 'completed' });
  expect(one.requests).toHaveLength(1);

  // at a signal, too; and what cannot be taken up while it runs is named
  writeFileSync(file, `${readFileSync(file, 'utf8')}drainMs: 1234\n`);
  gateway.child.kill('SIGHUP');
  await gateway.seen(/these settings changed.*drainMs|drainMs.*these settings changed/);
  expect(gateway.log()).not.toContain('sk-');
});
