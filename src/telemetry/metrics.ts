import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from './contract.ts';

export interface MetricsOptions {
  /** Read when somebody asks. */
  gauges: { sockets(): number; sessions(): number; liveTurns(): number; waitingTurns(): number };
  /** Whether the figures of the process belong to it. */
  process: boolean;
}

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  close(): void;
}

/** Names of models come from clients, where an upstream passes any name through: those beyond this are told as `other`. */
const maxNames = 100;

/** Counts for Prometheus, in a registry of its own, so that two gateways in one process do not mix. */
export function createMetrics({ gauges, process }: MetricsOptions): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  if (process) collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    // oxlint-disable-next-line no-new -- registers itself
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('parley_sockets', 'Open sockets.', gauges.sockets);
  gauge('parley_sessions', 'Sessions in memory.', gauges.sessions);
  gauge('parley_turns_live', 'Turns that run or wait in their session.', gauges.liveTurns);
  gauge('parley_turns_waiting', 'Upstream calls that wait for room.', gauges.waitingTurns);

  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const turns = counter('parley_turns_ended_total', 'Turns that ended, by status.', ['status']);
  const calls = counter('parley_upstream_calls_total', 'Calls of providers.', ['upstream', 'model', 'status']);
  const tokens = counter('parley_tokens_total', 'Tokens, by direction.', ['direction', 'upstream', 'model']);
  const cost = counter('parley_cost_usd_total', 'Cost in US dollars, where it is known.', ['upstream', 'model']);
  const refusals = counter('parley_limit_refusals_total', 'What limits refused or cut.', ['limit', 'scope']);
  const alerts = counter('parley_alerts_total', 'Alerts of limits.', ['limit', 'threshold']);
  const requests = counter('parley_http_requests_total', 'Requests over HTTP.', ['route', 'method', 'status']);
  const authRefusals = counter('parley_auth_refusals_total', 'Refused credentials.', ['door']);
  const socketRefusals = counter('parley_sockets_refused_total', 'Refused upgrades.', ['reason']);
  const firstToken = new Histogram({
    name: 'parley_upstream_first_token_seconds',
    help: 'From the call of a provider to its first token.',
    labelNames: ['upstream', 'model'],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const drift = new Histogram({
    name: 'parley_token_count_drift_ratio',
    help: 'Tokens as the provider reports them over the own count.',
    labelNames: ['model'],
    buckets: [0.5, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.25, 2],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'parley_http_request_seconds',
    help: 'Time until a request over HTTP was answered, by route.',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  const boundedModel = boundedNames();
  const boundedLimit = boundedNames();

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close: () => registry.clear(),
    turnEnded: (status) => turns.inc({ status }),
    upstreamCall({ upstream, status, input, output, costUsd, firstTokenMs, ...call }) {
      const labels = { upstream, model: boundedModel(call.model) };
      calls.inc({ ...labels, status });
      tokens.inc({ ...labels, direction: 'input' }, input);
      tokens.inc({ ...labels, direction: 'output' }, output);
      if (costUsd !== undefined) cost.inc(labels, costUsd);
      if (firstTokenMs !== undefined) firstToken.observe(labels, firstTokenMs / 1_000);
    },
    limitRefused: (limit, scope) => refusals.inc({ limit: boundedLimit(limit), scope }),
    drift: (model, ratio) => drift.observe({ model: boundedModel(model) }, ratio),
    alert: (limit, threshold) => alerts.inc({ limit: boundedLimit(limit), threshold: String(threshold) }),
    httpRequest(route, method, status, ms) {
      requests.inc({ route, method, status: String(status) });
      requestSeconds.observe({ route }, ms / 1_000);
    },
    authRefused: (door) => authRefusals.inc({ door }),
    socketRefused: (reason) => socketRefusals.inc({ reason }),
  };
}

function boundedNames(): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= maxNames) return 'other';
    known.add(name);
    return name;
  };
}
