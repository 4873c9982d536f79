import type { Dialect } from '../load/clients/contract.ts';
import type { ServerProcess } from '../processes.ts';

/** A server that stands between clients and a provider, as the benches see every one of them. */
export interface Peer {
  /** As it is chosen on the command line. */
  id: string;
  name: string;
  version: string;
  /** What it does and leaves out, in a line: nobody compares prices of unlike things. */
  does: string;
  /** How its clients end an answer. */
  cancelledBy: 'a cancel message' | 'closing the connection';
  dialect: Dialect;
  /** Begins with `http://` also where sockets are served. */
  start(upstreamUrl: string, nodeFlags?: readonly string[]): Promise<ServerProcess>;
  /** Where the server tells Prometheus of its event loop. */
  metricsPath?: string;
}

/** One that a run did without, and why. */
export interface AbsentPeer {
  id: string;
  reason: string;
}
