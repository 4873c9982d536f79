import { type ConfigFile, parseConfigFile } from '../config/parse-file.ts';
import { ConfigError } from '../config/config-error.ts';
import { metricNames, metricUnit, type MetricUnit, metricValue } from './metric-values.ts';
import type { RunResult, ThresholdResult } from './result.ts';

/** What a metric must be. */
export interface Threshold {
  metric: string;
  condition: string;
  comparison: '<' | '<=' | '>' | '>=';
  /** In the metric's unit. */
  bound: number;
}

const factors: Record<MetricUnit, Record<string, number>> = {
  ms: { ms: 1, s: 1_000, us: 0.001, µs: 0.001 },
  share: { '%': 0.01 },
  bytes: { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 },
  number: {},
};

/** Reads a file such as `errors.rate: '<0.01'`. Names may be nested as well. Throws `ConfigError` with line and column. */
export function parseThresholds(text: string, fileName: string): Threshold[] {
  const file = parseConfigFile(text, fileName, process.env);
  const found: Threshold[] = [];
  collect(file, file.values, [], found);
  if (found.length === 0) throw new ConfigError([`${fileName}: the file has no thresholds.`]);
  return found;
}

function collect(file: ConfigFile, values: object, path: readonly string[], found: Threshold[]): void {
  for (const [key, value] of Object.entries(values)) {
    const here = [...path, key];
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) collect(file, value, here, found);
    else found.push(parseThreshold(here.join('.'), value, file.placeOf(here)));
  }
}

function parseThreshold(metric: string, value: unknown, place: string): Threshold {
  const unit = metricUnit(metric);
  if (unit === undefined)
    throw new ConfigError([
      `${place}: “${metric}” is not a metric; there are ${metricNames.join(', ')}, and others of p50, p90, p95, p99, p999, max, mean.`,
    ]);
  const [, comparison, amount, suffix = ''] =
    (typeof value === 'string' ? /^\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*([a-zA-Zµ%]*)\s*$/.exec(value) : null) ?? [];
  const factor = suffix === '' ? 1 : factors[unit][suffix];
  if (amount === undefined || factor === undefined)
    throw new ConfigError([
      `${place}: “${metric}” takes a comparison such as ${examples[unit]}, not “${String(value)}”.`,
    ]);
  return {
    metric,
    condition: String(value).trim(),
    comparison: comparison as Threshold['comparison'],
    bound: Number(amount) * factor,
  };
}

const examples: Record<MetricUnit, string> = {
  ms: "'<200ms'",
  share: "'<0.01' or '<1%'",
  bytes: "'<500MB'",
  number: "'>=100'",
};

/** A metric of which nothing was measured breaks its threshold: a gate that saw nothing must not open. */
export function checkThresholds(thresholds: readonly Threshold[], run: RunResult): ThresholdResult[] {
  return thresholds.map(({ metric, condition, comparison, bound }) => {
    const value = metricValue(run, metric);
    const isMet =
      value !== undefined &&
      (comparison === '<'
        ? value < bound
        : comparison === '<='
          ? value <= bound
          : comparison === '>'
            ? value > bound
            : value >= bound);
    return { metric, condition, ...(value === undefined ? {} : { value }), isMet };
  });
}
