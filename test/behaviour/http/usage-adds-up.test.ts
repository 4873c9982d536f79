import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { call } from '../../support/http-call.ts';
import { newTurnId } from '../../support/test-gateway.ts';
import { startUsageScene, sumsOf, type Sums, type Taken, takeTurns, withKey } from '../../support/usage-scene.ts';

const period = 'from=-2d';

interface Group extends Sums {
  by: Record<string, string>;
  time?: string;
}

const figures = ({ turns, input, output, cached, reasoning, costUsd }: Sums): Sums => ({
  turns,
  input,
  output,
  cached,
  reasoning,
  costUsd,
});

/** Groups by what `nameOf` says of each turn, as the gateway should answer them. */
function grouped(taken: readonly Taken[], nameOf: (turn: Taken) => string): Record<string, Sums> {
  return Object.fromEntries(
    [...new Set(taken.map(nameOf))].map((name) => [name, sumsOf(taken.filter((turn) => nameOf(turn) === name))]),
  );
}

/** How the one upstream call of a turn went. */
const callStatus: Record<string, string> = {
  completed: 'completed',
  cancelled: 'aborted',
  limited: 'aborted',
  failed: 'failed',
};

describe('what was used', () => {
  test('is over HTTP what clients were told at the ends of their turns, however it is grouped', async () => {
    const scene = await startUsageScene();
    const taken = await takeTurns(scene);
    expect(new Set(taken.map(({ end }) => end.status))).toEqual(new Set(Object.keys(callStatus)));
    const acme = taken.filter(({ person }) => person !== 'stranger');
    const { url } = scene.gateway;
    const ask = async (query: string, person: Parameters<typeof withKey>[0] = 'root') => {
      const { status, body } = await call(url, `/v1/usage?${period}&${query}`, { headers: withKey(person) });
      expect(status).toBe(200);
      return body.data as { groups: Group[]; total: Sums };
    };
    const byName = async (dimension: string, person?: Parameters<typeof withKey>[0]) => {
      const { groups, total } = await ask(`groupBy=${dimension}`, person);
      expect(figures(total)).toEqual(
        sumsOf(person === 'stranger' ? taken.filter((turn) => !acme.includes(turn)) : acme),
      );
      return Object.fromEntries(groups.map((group) => [group.by[dimension], figures(group)]));
    };
    await expect.poll(async () => (await ask('')).total.turns).toBe(acme.length);
    expect(await byName('user')).toEqual(grouped(acme, ({ person }) => person));
    expect(await byName('key')).toEqual(grouped(acme, ({ person }) => `config:${person}`));
    expect(await byName('model')).toEqual(grouped(acme, ({ model }) => model));
    expect(await byName('status')).toEqual(grouped(acme, ({ end }) => callStatus[end.status]!));
    expect(await byName('source')).toEqual(grouped(acme, ({ end }) => end.usage.source));
    expect(await byName('kind')).toEqual({ primary: sumsOf(acme) });
    expect(await byName('turn')).toEqual(grouped(acme, ({ turn }) => turn));

    const byDay = await ask('interval=day');
    for (const { time } of byDay.groups) expect(time).toMatch(/^\d{4}-\d\d-\d\dT00:00:00\.000Z$/);
    // two of them at midnight
    expect(byDay.groups.reduce((sum, { turns }) => sum + turns, 0)).toBe(acme.length);
    expect(figures(byDay.total)).toEqual(sumsOf(acme));

    // an equal name in another tenant is another user
    expect(await byName('user', 'stranger')).toEqual(
      grouped(
        taken.filter((turn) => !acme.includes(turn)),
        () => 'ann',
      ),
    );
    const all = await ask('groupBy=tenant', 'operator');
    expect(Object.fromEntries(all.groups.map((group) => [group.by['tenant'], figures(group)]))).toEqual(
      grouped(taken, ({ person }) => (person === 'stranger' ? 'globex' : 'acme')),
    );

    // who is no admin sees what is their own
    const own = await ask('groupBy=user', 'bob');
    expect(own.groups.map((group) => [group.by['user'], figures(group)])).toEqual([
      ['bob', sumsOf(acme.filter(({ person }) => person === 'bob'))],
    ]);
    for (const [query, person] of [
      ['user=ann', 'bob'],
      ['tenant=globex', 'bob'],
      ['tenant=globex', 'root'],
    ] as const) {
      const refused = await call(url, `/v1/usage?${period}&${query}`, { headers: withKey(person) });
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
    }
    expect((await ask(`session=${acme[0]!.person}-0`, 'stranger')).groups).toEqual([]);

    const csv = await call(url, `/v1/usage?${period}&groupBy=user,model&format=csv`, { headers: withKey('root') });
    const [head, ...rows] = csv.text.trimEnd().split('\r\n');
    expect(head).toBe('user,model,attempts,turns,input,output,cached,reasoning,costUsd,unpriced');
    const read = rows.map((row) => row.split(','));
    const fromCsv = read.map(([user, model, , ...cells]) => {
      const [turns, input, output, cached, reasoning, costUsd] = cells.map(Number) as [number, ...number[]];
      return [`${user}/${model}`, { turns, input, output, cached, reasoning, costUsd }];
    });
    expect(Object.fromEntries(fromCsv)).toEqual(grouped(acme, ({ person, model }) => `${person}/${model}`));
    expect(read.map((cells) => cells.at(-1))).toEqual(read.map(() => '0'));
  });

  test('is in the figures for operators, with what limits refused and how far counts drift', async () => {
    const scene = await startUsageScene({ quotas: { user: { turnsPerDay: 5 } } });
    const taken = await takeTurns(scene);
    const client = await scene.client('ann');
    await client.attach({ ref: 900, s: 900, session: 'more', create: {} });
    client.send({ t: 'turn', ref: 901, s: 900, id: newTurnId(), input: 'complete' });
    expect(await client.next('error')).toMatchObject({ code: 'budget_exceeded' });
    const { url } = scene.gateway;
    const read = async (): Promise<Record<string, number>> => {
      const { text } = await call(url, '/metrics');
      return Object.fromEntries(
        text
          .split('\n')
          .filter((line) => line.startsWith('parley_'))
          .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
      );
    };
    const metrics = await read();
    const count = (test: (turn: Taken) => boolean): number => taken.filter(test).length;
    for (const status of Object.keys(callStatus))
      expect(metrics[`parley_turns_ended_total{status="${status}"}`]).toBe(count(({ end }) => end.status === status));
    for (const model of ['gpt-4o', 'gpt-4o-mini']) {
      const labels = `upstream="scripted",model="${model}"`;
      const of = taken.filter((turn) => turn.model === model);
      const sums = sumsOf(of);
      for (const status of ['completed', 'aborted', 'failed'])
        expect(metrics[`parley_upstream_calls_total{${labels},status="${status}"}`] ?? 0).toBe(
          of.filter(({ end }) => callStatus[end.status] === status).length,
        );
      expect(metrics[`parley_tokens_total{${labels},direction="input"}`]).toBe(sums.input);
      expect(metrics[`parley_tokens_total{${labels},direction="output"}`]).toBe(sums.output);
      expect(metrics[`parley_cost_usd_total{${labels}}`]).toBeCloseTo(sums.costUsd, 9);
      const completed = of.filter(({ end }) => end.status === 'completed').length;
      expect(metrics[`parley_token_count_drift_ratio_count{model="${model}"}`]).toBe(completed);
      // 11 as the provider says, of 7 that came
      expect(metrics[`parley_token_count_drift_ratio_sum{model="${model}"}`]).toBeCloseTo((completed * 11) / 7, 6);
    }
    expect(metrics['parley_limit_refusals_total{limit="turnsPerDay",scope="user"}']).toBe(1);
    expect(metrics['parley_sockets']).toBe(4);
  });

  test('of a budget’s share is told to a webhook, signed, once', async () => {
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        received.push({ headers: request.headers, body });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const secret = Buffer.alloc(24, 3);
    const scene = await startUsageScene({
      quotas: { user: { costUsdPerDay: 0.000_2 }, alertAt: [0.2] },
      alerts: {
        webhook: {
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
          secret: `whsec_${secret.toString('base64')}`,
        },
      },
    });
    const client = await scene.client('bob');
    const taken: Taken[] = [];
    // each costs 44 millionths: 19 of input, 12 of the cache, 11 of output
    for (let i = 0; i < 3; i++) taken.push(await scene.take(client, 'bob', { input: 'complete' }));
    await expect.poll(() => received.length).toBe(1);
    const [{ headers, body }] = received as [(typeof received)[0]];
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', secret).update(signed).digest('base64')}`);
    expect(JSON.parse(body)).toMatchObject({
      type: 'limit.alert',
      data: { limit: 'costUsdPerDay', scope: 'user', tenant: 'acme', user: 'bob', threshold: 0.2, max: 0.000_2 },
    });
    expect(JSON.parse(body).data.used).toBeCloseTo(taken[0]!.end.costUsd!, 9);
    const { text } = await call(scene.gateway.url, '/metrics');
    expect(text).toContain('parley_alerts_total{limit="costUsdPerDay",threshold="0.2"} 1');
    expect(received).toHaveLength(1);
  });
});
