import { expect, test } from 'vitest';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const gauges = { sockets: () => 3, sessions: () => 2, liveTurns: () => 1, waitingTurns: () => 0 };

test('figures are told by upstream, model and status', async () => {
  const metrics = createMetrics({ gauges, process: false });
  metrics.upstreamCall({
    upstream: 'openai',
    model: 'gpt-4o',
    status: 'completed',
    input: 10,
    output: 5,
    costUsd: 0.25,
    firstTokenMs: 300,
  });
  metrics.turnEnded('completed');
  metrics.limitRefused('turnsPerMinute', 'tenant');
  metrics.drift('gpt-4o', 1.02);
  metrics.alert('costUsdPerDay', 0.8);
  metrics.authRefused('socket');
  metrics.socketRefused('origin');
  const text = await metrics.text();
  for (const line of [
    'parley_sockets 3',
    'parley_turns_live 1',
    'parley_upstream_calls_total{upstream="openai",model="gpt-4o",status="completed"} 1',
    'parley_tokens_total{upstream="openai",model="gpt-4o",direction="output"} 5',
    'parley_cost_usd_total{upstream="openai",model="gpt-4o"} 0.25',
    'parley_turns_ended_total{status="completed"} 1',
    'parley_limit_refusals_total{limit="turnsPerMinute",scope="tenant"} 1',
    'parley_token_count_drift_ratio_bucket{le="1.05",model="gpt-4o"} 1',
    'parley_alerts_total{limit="costUsdPerDay",threshold="0.8"} 1',
    'parley_auth_refusals_total{door="socket"} 1',
  ])
    expect(text).toContain(line);
});

test('names that clients make up do not grow the list without bound', async () => {
  const metrics = createMetrics({ gauges, process: false });
  for (let i = 0; i < 1_000; i++)
    metrics.upstreamCall({ upstream: 'open', model: `made-up-${i}`, status: 'failed', input: 0, output: 0 });
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('parley_upstream_calls_total{'));
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toBe('parley_upstream_calls_total{upstream="open",model="other",status="failed"} 900');
});
