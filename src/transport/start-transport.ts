import { accessSync, constants } from 'node:fs';
import type { Transport, TransportOptions } from './contract.ts';
import { loadUws, startUwsTransport } from './uws-transport.ts';
import { startWsTransport } from './ws-transport.ts';

export type TransportChoice = 'auto' | 'uws' | 'ws';

/**
 * `auto` takes uWebSockets.js where its binary loads and `ws` elsewhere, telling `onFallback` why. `uws` throws where
 * it does not load.
 */
export async function startTransport(
  choice: TransportChoice,
  options: TransportOptions,
  onFallback: (reason: string) => void,
): Promise<Transport> {
  for (const file of options.tls === undefined ? [] : [options.tls.certificateFile, options.tls.keyFile]) {
    try {
      accessSync(file, constants.R_OK);
    } catch (cause) {
      throw new Error(`The TLS file ${file} cannot be read; check --tls-certificate and --tls-key.`, { cause });
    }
  }
  if (choice === 'ws') return startWsTransport(options);
  let uws: Awaited<ReturnType<typeof loadUws>>;
  try {
    uws = await loadUws();
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    if (choice === 'uws')
      throw new Error(`uWebSockets.js cannot be loaded here (${reason}); use --transport ws.`, { cause: error });
    onFallback(reason);
    return startWsTransport(options);
  }
  return startUwsTransport(uws, options);
}
