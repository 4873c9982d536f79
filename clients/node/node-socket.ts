import { WebSocket } from 'ws';
import type { OpenSocket } from '../shared/environment.ts';

/** A `ws` socket as the core needs it. */
export const openNodeSocket: OpenSocket = (url, protocols, { onOpen, onMessage, onClose }) => {
  // frames are small and latency counts: compression would cost more than it saves
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false });
  let failure = '';
  socket.on('open', onOpen);
  socket.on('message', (data: Buffer, isBinary) => onMessage(isBinary ? data : data.toString('utf8')));
  // `close` follows an error
  socket.on('error', (error) => (failure = error.message));
  socket.on('close', (code, reason) => onClose(code, reason.toString('utf8') || failure));
  return {
    send: (message) => socket.send(message),
    close: () => socket.close(1000),
    abandon: () => socket.terminate(),
  };
};
