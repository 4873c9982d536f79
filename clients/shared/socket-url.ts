import { socketPath } from '../../protocol/version.ts';

/**
 * The WebSocket address for a gateway's `http(s)://` or `ws(s)://` base or its full socket path. Throws `TypeError` for
 * what is not an address.
 */
export function socketUrl(address: string | URL, base?: string): string {
  const url = new URL(address, base);
  url.protocol = url.protocol.replace('http', 'ws');
  if (!url.pathname.endsWith(socketPath)) url.pathname = url.pathname.replace(/\/+$/, '') + socketPath;
  // WebSocket refuses fragments
  url.hash = '';
  return url.href;
}
