/**
 * - `connecting`: the first connection is being made
 * - `live`: connected, every session attached
 * - `offline`: no connection; the next attempt waits
 * - `resuming`: a new connection is being made, sessions go on from their cursors
 * - `draining`: connected, but the node goes away and another connection is being made
 * - `closed`: for good
 */
export type ConnectionState = 'connecting' | 'live' | 'resuming' | 'offline' | 'draining' | 'closed';

/** Every legal step from one state to another; the tests hold the connection to it, so that pages need not load it. */
export const connectionSteps: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  connecting: ['live', 'offline', 'closed'],
  live: ['draining', 'offline', 'closed'],
  draining: ['live', 'resuming', 'offline', 'closed'],
  offline: ['connecting', 'resuming', 'closed'],
  resuming: ['live', 'offline', 'closed'],
  closed: [],
};
