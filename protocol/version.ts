/** Version of the wire; part of both subprotocol names. */
export const protocolVersion = 1 as const;

export const subprotocols = { msgpack: 'parley.v1.msgpack', json: 'parley.v1.json' } as const;

export type Encoding = keyof typeof subprotocols;

/** Where the gateway listens for WebSocket upgrades. */
export const socketPath = '/v1/socket';

/**
 * Per version, the first 16 hex digits of the SHA-256 over the JSON schemas of all frames, oldest first. A change of the
 * wire that other implementations may ignore (a new optional key, a new frame) adds an entry; any other needs a version.
 */
export const wireHashes: Record<typeof protocolVersion, readonly string[]> = {
  1: ['57c194b66e600905', '2e2a1094b60dd6cf', '9a261d8bde8c0226'],
};
