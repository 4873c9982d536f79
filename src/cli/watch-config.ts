import { unwatchFile, watchFile } from 'node:fs';
import { ConfigError } from '../config/config-error.ts';
import { type LoadConfigOptions, loadConfigFiles } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import { checkRoutes } from '../gateway/live-routes.ts';
import type { Logger } from '../telemetry/contract.ts';

/** Files are looked at this often, milliseconds: also those behind the links of a mounted volume, which nothing tells of. */
const lookEveryMs = 500;

/**
 * Reads the configuration anew when one of its files changes, and at SIGHUP. `apply` gets one that can be used; a bad one
 * is refused with its line and column, and what was before stays. Answers how to stop.
 */
export function watchConfig(
  options: LoadConfigOptions,
  files: readonly string[],
  apply: (config: Config) => Promise<string[]>,
  logger: Logger,
): () => void {
  let watched: readonly string[] = [];
  let applying = Promise.resolve();
  let isStopped = false;

  const reload = (): void => {
    applying = applying.then(reloadNow);
  };

  async function reloadNow(): Promise<void> {
    if (isStopped) return;
    try {
      const loaded = loadConfigFiles({ ...options, check: checkRoutes });
      const others = await apply(loaded.config);
      watch(loaded.files);
      logger.info(
        { routes: loaded.config.routes.length },
        'routes, models and upstreams were taken from the configuration',
      );
      if (others.length > 0)
        logger.warn({ settings: others }, 'these settings changed, too, and are taken at the next start');
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : [String(error)];
      logger.error({ problems }, 'the configuration was refused; the one before stays');
    }
  }

  function watch(next: readonly string[]): void {
    if (isStopped) return;
    for (const file of watched) if (!next.includes(file)) unwatchFile(file, reload);
    for (const file of next)
      if (!watched.includes(file)) watchFile(file, { interval: lookEveryMs, persistent: false }, reload);
    watched = next;
  }

  watch(files);
  process.on('SIGHUP', reload);
  return () => {
    isStopped = true;
    for (const file of watched) unwatchFile(file, reload);
    process.off('SIGHUP', reload);
  };
}
