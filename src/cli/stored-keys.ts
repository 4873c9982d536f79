import { createApiKeys } from '../auth/api-keys.ts';
import { createRoles } from '../auth/permissions.ts';
import { loadSecretDigest } from '../auth/secrets.ts';
import { loadConfig } from '../config/load-config.ts';
import type { Config } from '../config/schema.ts';
import { openStore } from '../gateway/open-store.ts';
import type { Store } from '../store/contract.ts';
import { StoreStartError } from '../store/store-error.ts';
import { createAuditLog } from '../telemetry/audit-log.ts';
import type { AuditLog } from '../telemetry/contract.ts';
import { createLogger } from '../telemetry/logger.ts';
import { CommandError } from './command-error.ts';
import type { KeyCommands, KeyFlags } from './key-commands.ts';

/** Opens the configured store for the keys in it, and closes it again. */
export async function withStoredKeys(
  { config: file, store: address, data }: KeyFlags,
  action: (service: KeyCommands) => Promise<void>,
): Promise<void> {
  const config = loadConfig({ file, flags: { store: address, data } });
  const logger = createLogger({ ...config.log, level: 'warn' });
  const audit = openAuditLog(config);
  let store: Store;
  try {
    store = await openStore(config, 'keys', logger);
  } catch (error) {
    if (!(error instanceof StoreStartError)) throw error;
    const isInUse = config.store === 'embedded' && / is in use /.test(error.message);
    if (!isInUse) throw new CommandError(error.message, 1);
    throw new CommandError(
      `The data directory ${config.data} is in use by a gateway; give its address with --url and a key with the role admin with --key, or stop it first.`,
      1,
    );
  }
  const { records } = store;
  const service = createApiKeys({
    records,
    digest: () => loadSecretDigest(records, config.auth.secret),
    permissionsOf: createRoles(config.auth.roles),
    wall: () => Date.now(),
    audit,
  });
  try {
    await action({
      create: (request) => service.create('operator', request),
      list: (request) => service.list('operator', request),
      rotate: (id, overlapSeconds) => service.rotate('operator', id, { overlapSeconds }),
      revoke: (id) => service.revoke('operator', id),
    });
  } finally {
    await store.close();
  }
}

/** Whoever has the store may do all of this, so all that can be done is to tell of it: in the audit file, else here. */
function openAuditLog({ audit: { file }, log }: Config): AuditLog {
  try {
    return createAuditLog({ file, logger: createLogger({ ...log, level: 'info' }), wall: () => Date.now() });
  } catch (error) {
    throw new CommandError((error as Error).message, 1);
  }
}
