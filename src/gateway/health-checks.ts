import type { Clock, Timer } from '../lib/clock.ts';
import type { TargetStates } from '../routing/target-state.ts';
import type { Logger } from '../telemetry/contract.ts';
import { type Upstream, UpstreamError } from '../upstream/contract.ts';

export interface HealthChecksOptions {
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  logger: Logger;
  states: Pick<TargetStates, 'checked' | 'unchecked'>;
  /** Between two checks, milliseconds; undefined for upstreams that are not checked. */
  everyMsOf(upstream: string): number | undefined;
}

interface Watched {
  upstream: Upstream;
  everyMs: number;
  stop(): void;
}

/** A check that takes longer has failed, milliseconds. */
const checkTimeoutMs = 5_000;
/** Nodes that were started together are not to ask together: each pause is up to so much shorter or longer. */
const jitter = 0.25;

/** Asks upstreams every so often whether they are there, and tells the routing. */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: HealthChecksOptions) {
    this.#options = options;
  }

  /** Checks these from now on, and those alone; the first time at once. */
  watch(upstreams: readonly Upstream[]): void {
    const wanted = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    for (const [name, { upstream, everyMs, stop }] of this.#watched) {
      if (wanted.get(name) === upstream && this.#options.everyMsOf(name) === everyMs) continue;
      stop();
      this.#watched.delete(name);
      this.#options.states.unchecked(name);
    }
    for (const [name, upstream] of wanted) {
      const everyMs = this.#options.everyMsOf(name);
      if (everyMs === undefined || upstream.check === undefined || this.#watched.has(name)) continue;
      this.#watched.set(name, { upstream, everyMs, stop: this.#repeat(upstream, everyMs) });
    }
  }

  stop(): void {
    for (const { stop } of this.#watched.values()) stop();
    this.#watched.clear();
  }

  #repeat(upstream: Upstream, everyMs: number): () => void {
    const { clock, random } = this.#options;
    let pause: Timer | undefined;
    let running: AbortController | undefined;
    let isStopped = false;

    const run = async (): Promise<void> => {
      running = new AbortController();
      const error = await this.#check(upstream, running);
      if (isStopped) return;
      this.#tell(upstream, error);
      pause = clock.setTimer(() => void run(), everyMs * (1 - jitter + 2 * jitter * random()));
    };
    void run();
    return () => {
      isStopped = true;
      pause?.cancel();
      running?.abort();
    };
  }

  /** Answers why it failed; undefined where it did not. */
  async #check(upstream: Upstream, controller: AbortController): Promise<UpstreamError | undefined> {
    const timer = this.#options.clock.setTimer(() => controller.abort(), checkTimeoutMs);
    try {
      await upstream.check?.(controller.signal);
      return undefined;
    } catch (cause) {
      if (cause instanceof UpstreamError) return cause;
      return new UpstreamError('internal', 'The upstream could not be checked.', { cause });
    } finally {
      timer.cancel();
    }
  }

  #tell({ name }: Upstream, error: UpstreamError | undefined): void {
    const { logger, states } = this.#options;
    if (!states.checked(name, error === undefined)) return;
    if (error === undefined) logger.info({ upstream: name }, 'an upstream is well again');
    else
      logger.warn({ upstream: name, code: error.code, error }, 'an upstream fails its health checks; it gets no turns');
  }
}
