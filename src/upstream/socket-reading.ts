import type { Socket } from 'node:net';

/**
 * What Node has below a socket. Its API stops reading only where a socket reads into a buffer of its own (`onread`), which those of
 * undici do not; so this is what `net.Socket.pause` does there (lib/net.js of Node 20 to 24). Where it is missing reading goes on.
 */
interface Handle {
  reading?: boolean;
  readStop?(): number;
  readStart?(): number;
}

const handleOf = (socket: Socket | undefined): Handle | null | undefined =>
  (socket as unknown as { _handle?: Handle | null } | undefined)?._handle;

/** What comes stays in the kernel: one call reads all of it later. */
export function stopReading(socket: Socket | undefined): void {
  const handle = handleOf(socket);
  if (handle?.readStop === undefined || handle.readStart === undefined || handle.reading !== true) return;
  handle.reading = false;
  handle.readStop();
}

export function startReading(socket: Socket | undefined): void {
  const handle = handleOf(socket);
  if (handle?.readStart === undefined || handle.reading !== false) return;
  handle.reading = true;
  if (handle.readStart() !== 0) socket?.destroy(new Error('The connection could not be read any more.'));
}
