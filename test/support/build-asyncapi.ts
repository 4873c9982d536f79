import { subprotocols } from '../../protocol/version.ts';
import { frameSchemas, jsonSchemaOf } from './frame-schemas.ts';

/** The wire as an AsyncAPI 3 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0). */
export function buildAsyncapi(): object {
  const names = frameSchemas.map(({ direction, type }) => ({ direction, type, name: `${direction}.${type}` }));
  const schemas = Object.fromEntries(
    frameSchemas.map(({ direction, type, schema }) => [`${direction}.${type}`, jsonSchemaOf(schema)]),
  );
  const messages = Object.fromEntries(
    names.map(({ type, name }) => [
      name,
      { name: type, title: type, payload: { $ref: `#/components/schemas/${name}` } },
    ]),
  );
  const of = (direction: string): object[] =>
    names
      .filter((entry) => entry.direction === direction)
      .map(({ name }) => ({ $ref: `#/channels/socket/messages/${name}` }));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley',
      version: '1',
      description: 'Conversational sessions over one WebSocket. PROTOCOL.md holds the meaning of each frame.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      local: {
        host: '127.0.0.1:8080',
        protocol: 'ws',
        description: `Subprotocols ${Object.values(subprotocols).join(' and ')}.`,
      },
    },
    channels: {
      socket: {
        address: '/v1/socket',
        description: 'A message is one frame or an array of frames.',
        messages: Object.fromEntries(names.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      fromClient: { action: 'receive', channel: { $ref: '#/channels/socket' }, messages: of('up') },
      toClient: { action: 'send', channel: { $ref: '#/channels/socket' }, messages: of('down') },
    },
    components: { messages, schemas },
  };
}
