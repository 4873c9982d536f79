import { type LoadConfigOptions, loadConfig } from '../config/load-config.ts';
import { createGateway } from '../gateway/create-gateway.ts';
import { createLogger } from '../telemetry/logger.ts';

/** Runs a gateway until SIGTERM or SIGINT; the second signal does not wait for running turns. */
export async function serve(options: LoadConfigOptions): Promise<void> {
  const config = loadConfig(options);
  const logger = createLogger(config.log);
  const gateway = await createGateway({
    ...structuredClone(config),
    logger,
    onLeaseLost() {
      // its sockets get a moment to hear that they must go elsewhere; a supervisor starts the process anew
      setTimeout(() => process.exit(1), 1_500);
    },
  });
  const { transport, node, url } = gateway;
  logger.info({ url, transport, node, data: config.data }, `Parley is listening: open ${url}`);
  if (config.upstreams.length === 0) {
    logger.info(
      {},
      'no provider is configured, the practice upstream answers; set OPENAI_API_KEY, or upstreams in parley.yaml',
    );
  }
  if (!['127.0.0.1', 'localhost', '::1'].includes(config.host)) {
    logger.warn(
      { host: config.host },
      'everybody who reaches this address may use the gateway: it does not ask for a credential',
    );
  }
  await new Promise<void>((resolve) => {
    let signals = 0;
    const stop = (signal: NodeJS.Signals): void => {
      signals++;
      if (signals > 1) {
        logger.warn({ signal }, 'stopping at once');
        process.exit(1);
      }
      logger.info({ signal, ...gateway.stats() }, 'draining: running turns may finish');
      gateway.drain().then(resolve, (error: unknown) => {
        logger.error({ error }, 'the drain failed');
        process.exitCode = 1;
        resolve();
      });
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  logger.info({}, 'stopped');
}
