import { msgpackParser, requirePeer, type SocketIoClient } from '../../peers/installed-packages.ts';
import { BenchClient, newTurnId } from '../bench-client.ts';
import { ignore, type OpenOptions, type StreamClient } from './contract.ts';
import { RawWebSocket } from './raw-web-socket.ts';

/** The bare proxies: `{turn, input}` starts, `{cancel}` ends; a delta per token, `end` behind the last one. */
export async function openJsonSocketClient({ url, onFailure }: OpenOptions): Promise<StreamClient> {
  const socket = await RawWebSocket.open(url);
  let isClosing = false;
  let turn = '';
  const client: StreamClient = {
    tokens: 0,
    onText: ignore,
    onEnd: ignore,
    start(input) {
      turn = newTurnId();
      socket.send(JSON.stringify({ turn, input }));
    },
    cancel: () => socket.send(JSON.stringify({ cancel: turn })),
    close() {
      isClosing = true;
      socket.terminate();
    },
  };
  socket.onMessage = (data) => {
    const message = JSON.parse(data.toString()) as { t: 'delta' | 'end'; text: string };
    if (message.t === 'end') return client.onEnd();
    client.tokens++;
    client.onText(message.text);
  };
  socket.onClose = () => {
    if (!isClosing) onFailure(new Error('The server closed a connection.'));
  };
  return client;
}

/** The same as events of Socket.IO, by its own client with its msgpack parser. */
export async function openSocketIoClient({ url, onFailure }: OpenOptions): Promise<StreamClient> {
  const { io } = requirePeer('socket.io-client') as SocketIoClient;
  const socket = io(url, { transports: ['websocket'], parser: msgpackParser(), forceNew: true, reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  let isClosing = false;
  let turn = '';
  const client: StreamClient = {
    tokens: 0,
    onText: ignore,
    onEnd: ignore,
    start(input) {
      turn = newTurnId();
      socket.emit('turn', { turn, input });
    },
    cancel: () => socket.emit('cancel', { turn }),
    close() {
      isClosing = true;
      socket.disconnect();
    },
  };
  socket.on('delta', ({ text }: { text: string }) => {
    client.tokens++;
    client.onText(text);
  });
  socket.on('end', () => client.onEnd());
  socket.on('disconnect', () => {
    if (!isClosing) onFailure(new Error('The server closed a connection.'));
  });
  return client;
}

/** A session of its own for each connection. */
export async function openParleyClient({ url, onFailure }: OpenOptions): Promise<StreamClient> {
  const parley = await BenchClient.open(url);
  let isClosing = false;
  let turn = '';
  /** Of the running turn. */
  let turnTokens = 0;
  const client: StreamClient = {
    tokens: 0,
    onText: ignore,
    onEnd: ignore,
    start(input) {
      turn = newTurnId();
      turnTokens = 0;
      parley.send({ t: 'turn', s: 0, id: turn, input });
    },
    cancel: () => parley.send({ t: 'cancel', s: 0, turn }),
    close() {
      isClosing = true;
      parley.socket.terminate();
    },
  };
  parley.onFrame = (frame) => {
    if (frame.t === 'delta') {
      client.tokens += frame.tokens - turnTokens;
      turnTokens = frame.tokens;
      client.onText(frame.text);
    } else if (frame.t === 'turn.ended') {
      if (frame.status === 'failed') onFailure(new Error(`A turn failed: ${frame.reason}.`));
      client.onEnd();
    } else if (frame.t === 'error') {
      onFailure(new Error(`The gateway answered: ${frame.message}`));
    }
  };
  parley.socket.onClose = () => {
    if (!isClosing) onFailure(new Error('The gateway closed a connection.'));
  };
  return client;
}
