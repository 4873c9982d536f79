import { type AuthenticatorOptions, type Auths, createAuthenticator } from '../auth/create-authenticator.ts';
import { ConfigError } from '../config/config-error.ts';
import { StoreError } from '../store/store-error.ts';

/** Who is let in, and one line in the log where that is everybody or nobody. Throws `ConfigError`. */
export async function startAuth(options: AuthenticatorOptions): Promise<Auths> {
  let auths: Auths;
  try {
    auths = createAuthenticator(options);
  } catch (error) {
    throw new ConfigError([`“auth”: ${(error as Error).message}.`], [['auth']]);
  }
  if (options.custom === undefined) await tellWhoMay(options, auths);
  return auths;
}

async function tellWhoMay({ settings, logger, isLoopback, records }: AuthenticatorOptions, { isOpen }: Auths) {
  try {
    if (await isOpen()) {
      if (isLoopback)
        logger.info({}, 'no credential is asked for; make a key with “parley keys create” to change that');
      else logger.warn({}, 'everybody who reaches this address may use the gateway: auth.anonymous is set');
      return;
    }
    const hasOthers = settings.keys.length + settings.issuers.length > 0 || (await records.version('keys')) > 0;
    if (!hasOthers)
      logger.warn(
        {},
        'nobody is let in: make a key with “parley keys create”, configure auth.keys or auth.issuers, or set auth.anonymous',
      );
  } catch (error) {
    // it is asked again with every connection
    if (!(error instanceof StoreError)) throw error;
  }
}
