import { type ConnectionOptions, createProviderConnections, type ProviderConnections } from './provider-connections.ts';

/** A share in connections; who gave it back must not use them any more. */
export interface ConnectionShare {
  readonly connections: ProviderConnections;
  /** The last one closes them. */
  release(): Promise<void>;
}

interface Shared {
  connections: ProviderConnections;
  users: number;
}

/** Of this process: several upstreams, and several gateways in a test, may speak with one provider. */
const sharedByKey = new Map<string, Shared>();

/** Connections for these options, shared with everybody who asks with the same ones. */
export function shareConnections(options: ConnectionOptions): ConnectionShare {
  // what a lookup answers cannot be compared
  const key = options.lookup === undefined ? keyOf(options) : undefined;
  const shared: Shared = (key === undefined ? undefined : sharedByKey.get(key)) ?? {
    connections: createProviderConnections(options),
    users: 0,
  };
  shared.users += 1;
  if (key !== undefined) sharedByKey.set(key, shared);
  let released: Promise<void> | undefined;

  async function release(): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (key !== undefined) sharedByKey.delete(key);
    await shared.connections.close();
  }

  return {
    connections: shared.connections,
    release: () => (released ??= release()),
  };
}

function keyOf({ origin, allowPrivateNetwork, tls = {}, prewarm, keepAliveMs }: ConnectionOptions): string {
  const { ca, servername, cert, key } = tls;
  return JSON.stringify([origin, allowPrivateNetwork === true, ca, servername, cert, key, prewarm ?? 0, keepAliveMs]);
}
