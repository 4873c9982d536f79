import type { OpenSocket } from '../shared/environment.ts';

/** The page's own WebSocket as the core needs it. */
export const openBrowserSocket: OpenSocket = (url, protocols, { onOpen, onMessage, onClose }) => {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  socket.onopen = onOpen;
  socket.onmessage = ({ data }) => onMessage(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
  socket.onclose = ({ code, reason }) => onClose(code, reason);
  const close = (): void => socket.close();
  return { send: (message) => socket.send(message as Uint8Array<ArrayBuffer> | string), close, abandon: close };
};
