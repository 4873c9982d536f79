import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type Cluster, type RedisOptions } from 'ioredis';
import type { RedisHost } from '../redis-address.ts';

/**
 * For connections that may be to any node of a Cluster: each attempt goes to another one of the nodes known then, so that
 * the loss of one is a reconnect. Masters first: a replica that was cut off hears nothing.
 */
export function createNodeConnector(
  cluster: Cluster,
  startHosts: readonly RedisHost[],
): new (
  options: unknown,
) => AbstractConnector {
  let attempts = Math.floor(Math.random() * 1_000);
  return class NodeConnector extends AbstractConnector {
    readonly #tls: RedisOptions['tls'];

    constructor(options: unknown) {
      const { disconnectTimeout, tls } = options as RedisOptions;
      super(disconnectTimeout ?? 2_000);
      this.#tls = tls;
    }

    connect(): ReturnType<AbstractConnector['connect']> {
      this.connecting = true;
      const masters = cluster.nodes('master').map(({ options }) => ({ host: options.host!, port: options.port! }));
      const hosts = masters.length > 0 ? masters : startHosts;
      const host = hosts[attempts++ % hosts.length]!;
      this.stream = this.#tls === undefined ? connect(host) : connectTls({ ...host, ...this.#tls });
      this.stream.once('error', (error) => {
        this.firstError = error;
      });
      return Promise.resolve(this.stream);
    }
  };
}
