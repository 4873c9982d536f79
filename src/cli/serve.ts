import { type LoadConfigOptions, loadConfigFiles } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import { createGateway, type Gateway } from '../gateway/create-gateway.ts';
import { checkRoutes } from '../gateway/live-routes.ts';
import type { Logger } from '../telemetry/contract.ts';
import { createLogger } from '../telemetry/logger.ts';
import { watchConfig } from './watch-config.ts';

/** Attempts to start anew after the lease was lost, and the waits between them, which grow up to the greatest. */
const attempts = 12;
const retryMs = 100;
const maxRetryMs = 3_000;

/** Its sockets get this long to hear that they must go elsewhere. */
const farewellMs = 300;

/**
 * Runs a gateway until SIGTERM or SIGINT; the second signal does not wait for running turns. One that lost its lease is
 * closed, and another one, with another node id, takes its place on the port; when that fails again and again, the
 * process ends with 1.
 */
export async function serve(options: LoadConfigOptions): Promise<void> {
  const { config, files } = loadConfigFiles({ ...options, check: checkRoutes });
  const logger = createLogger(config.log);
  let stopWatching = (): void => {};
  await new Promise<void>((resolve, reject) => {
    let gateway: Gateway | undefined;
    /** With what was read since the start. */
    let current = config;
    let signals = 0;
    const isStopping = (): boolean => signals > 0;

    async function start(port: number): Promise<Gateway> {
      gateway = await createGateway({
        ...structuredClone(current),
        port,
        logger,
        onLeaseLost: () => void startAnew().catch(fail),
      });
      const { transport, node, url } = gateway;
      logger.info({ url, transport, node, data: config.data }, `Parley is listening: open ${url}`);
      return gateway;
    }

    async function startAnew(): Promise<void> {
      const lost = gateway!;
      await sleep(farewellMs);
      if (isStopping()) return;
      await lost.close();
      for (let attempt = 0; !isStopping(); attempt++) {
        try {
          const next = await start(lost.port);
          if (isStopping()) await next.drain();
          return;
        } catch (error) {
          if (attempt + 1 >= attempts) throw error;
          logger.warn({ error }, 'the gateway could not be started anew yet; trying again');
          await sleep(Math.min(maxRetryMs, retryMs * 2 ** attempt));
        }
      }
      resolve();
    }

    function fail(error: unknown): void {
      logger.error({ error }, 'the gateway could not be started anew');
      process.exitCode = 1;
      resolve();
    }

    const stop = (signal: NodeJS.Signals): void => {
      signals++;
      if (signals > 1) {
        logger.warn({ signal }, 'stopping at once');
        process.exit(1);
      }
      logger.info({ signal, ...gateway?.stats() }, 'draining: running turns may finish');
      gateway?.drain().then(resolve, (error: unknown) => {
        logger.error({ error }, 'the drain failed');
        process.exitCode = 1;
        resolve();
      });
    };

    start(config.port).then(() => {
      giveHints(config, logger);
      const apply = async (changed: Config): Promise<string[]> => {
        const others = await gateway!.reload({ ...structuredClone(changed), port: config.port });
        current = changed;
        return others;
      };
      stopWatching = watchConfig(options, files, apply, logger);
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
    }, reject);
  });
  stopWatching();
  logger.info({}, 'stopped');
}

function giveHints(config: Config, logger: Logger): void {
  if (config.upstreams.length === 0) {
    logger.info(
      {},
      'no provider is configured, the practice upstream answers; set OPENAI_API_KEY, or upstreams in parley.yaml',
    );
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
