import { BenchError } from './worker-pool.ts';

/** What a gateway says of its own process, by the default metrics of prom-client. */
export interface ServerMetrics {
  heapUsedBytes: number;
  residentBytes: number;
  cpuSeconds: number;
  /** Of the time since the figures were read before. */
  loopDelayP99Ms: number;
}

/** The timer by which prom-client watches the event loop; a loop without any delay shows it as one. */
const loopTimerMs = 10;
const timeoutMs = 5_000;

/** Reads `/metrics` of a gateway. Throws `BenchError`. */
export async function readServerMetrics(url: string, token: string | undefined): Promise<ServerMetrics> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    throw new BenchError(
      `The metrics at ${url} cannot be read: ${cause?.code ?? cause?.message ?? (error as Error).message}.`,
    );
  }
  const text = await response.text();
  if (!response.ok)
    throw new BenchError(
      `The metrics at ${url} cannot be read: status ${response.status}${response.status === 404 ? '; a Parley tells them where “metrics: { enabled: true }” is set' : ''}.`,
    );
  return parseServerMetrics(text, url);
}

/** Throws `BenchError` where the text is no metrics of a Node process. */
export function parseServerMetrics(text: string, url: string): ServerMetrics {
  const value = (name: string): number => {
    const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
    if (found === undefined) throw new BenchError(`The metrics at ${url} have no ${name}.`);
    return Number(found);
  };
  return {
    heapUsedBytes: value('nodejs_heap_size_used_bytes'),
    residentBytes: value('process_resident_memory_bytes'),
    cpuSeconds: value('process_cpu_seconds_total'),
    loopDelayP99Ms: Math.max(0, value('nodejs_eventloop_lag_p99_seconds') * 1_000 - loopTimerMs),
  };
}
