/** Version of the wire; part of both subprotocol names. */
export const protocolVersion = 1;

export const subprotocols = { msgpack: 'parley.v1.msgpack', json: 'parley.v1.json' } as const;

export type Encoding = keyof typeof subprotocols;

/** Where the gateway listens for WebSocket upgrades. */
export const socketPath = '/v1/socket';
