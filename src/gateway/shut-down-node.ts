import type { Connection } from '../connection/connection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Accounting } from '../limits/accounting.ts';
import type { GroupCommit } from '../session/group-commit.ts';
import type { Retention } from '../session/retention.ts';
import type { Store } from '../store/contract.ts';
import type { Transport } from '../transport/contract.ts';
import type { TurnEngine } from '../turn/turn-engine.ts';
import type { Membership } from './join-cluster.ts';
import type { LiveRoutes } from './live-routes.ts';

/** A node that goes away first finishes what it is taking over, within this, milliseconds. */
const retireMs = 3_000;
/** Alerts that are on their way get this long at the end. */
const alertsMs = 3_000;

export interface NodeParts {
  transport: Transport;
  connections: ReadonlySet<Connection>;
  membership: Membership | undefined;
  retention: Retention;
  engine: TurnEngine;
  accounting: Accounting;
  telemetry: { close(withinMs: number): Promise<void> };
  door: { idle(withinMs: number): Promise<void> };
  authenticator: { close(): void };
  commit: GroupCommit;
  routes: LiveRoutes;
  store: Store;
  clock: Pick<Clock, 'now' | 'setTimer'>;
}

/** Takes a node from service: clients are told to go, turns finish within `graceMs` or are handed over, then all is closed in its order. */
export async function shutDownNode(parts: NodeParts, graceMs: number): Promise<void> {
  const { transport, connections, membership, retention, engine, clock } = parts;
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(() => resolve(), ms));
  const retired = membership?.retire();
  retention.stop();
  transport.stopListening();
  // so many at once would be a storm for the node they go to
  const maxMs = Math.round(Math.max(500, Math.min(graceMs / 2, connections.size * 2)));
  const movedMs = clock.now() + maxMs;
  for (const connection of connections)
    connection.goaway({ reason: 'shutdown', deadlineMs: graceMs, reconnect: { minMs: 0, maxMs } });
  // turns that are just being taken over go on from here in their turn; a store that is away must not keep the process
  await Promise.race([retired, pause(retireMs)]);
  const hasOthers = async (): Promise<boolean> => membership !== undefined && (await membership.hasOthers());
  await engine.drain(graceMs, hasOthers);
  // sockets that are closed before their clients chose to go would all come back at once
  if (graceMs > 0 && connections.size > 0 && (await hasOthers()))
    while (connections.size > 0 && clock.now() < movedMs) await pause(20);
  // what is left to others is theirs at once
  await membership?.leave();
  await retention.leave();
  await parts.accounting.stop();
  for (const connection of connections) connection.close('going_away', 'the node is going away');
  await parts.telemetry.close(Math.min(graceMs, alertsMs));
  await parts.door.idle(retireMs);
  // the last frames and close handshakes are on their way
  if (connections.size > 0) await pause(100);
  await transport.close();
  parts.authenticator.close();
  parts.commit.close();
  await parts.routes.close();
  await parts.store.close();
}
