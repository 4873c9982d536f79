import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface FaultProxy {
  readonly port: number;
  /** Where connections made from now on lead. */
  target: number;
  /** Connections made through it so far. */
  readonly connections: number;
  /** Every piece is held up by this long, both ways. */
  latencyMs: number;
  /** Asked for every piece that a client sends; true: it is forwarded, and its connection is reset instead of the answer. */
  losesReply: (request: Buffer) => boolean;
  /** Holds everything back, as a slow network does; nothing is lost. */
  pause(): void;
  /** Takes connections and bytes, and forwards nothing. */
  blackhole(): void;
  /** Resets every connection. */
  reset(): void;
  /** Resets each connection when the server has sent it this many bytes. */
  cutAfter(bytes: number): void;
  /** Forwards again; connections that lost bytes stay silent for ever. */
  heal(): void;
}

interface Link {
  client: Socket;
  server: Socket;
  /** Bytes of it were thrown away: nothing sensible can follow. */
  dead: boolean;
  /** Nothing of the server's reaches the client any more. */
  deaf: boolean;
  received: number;
}

/** Time for the server to run what it was sent before its connection is reset, milliseconds. */
const executionMs = 5;

/** A wire to `port` on which a test makes trouble; it goes with the test. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let mode: 'forward' | 'pause' | 'blackhole' = 'forward';
  let cutBytes = Number.POSITIVE_INFINITY;
  let connections = 0;

  const reset = (link: Link): void => {
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  };

  const forward = (to: Socket, piece: Buffer): void => {
    if (proxy.latencyMs === 0) to.write(piece);
    else setTimeout(() => to.writable && to.write(piece), proxy.latencyMs);
  };

  const fromClient = (link: Link, piece: Buffer): void => {
    if (link.dead || mode === 'blackhole') {
      link.dead = true;
      return;
    }
    if (!link.deaf && proxy.losesReply(piece)) {
      link.deaf = true;
      setTimeout(() => reset(link), proxy.latencyMs + executionMs);
    }
    forward(link.server, piece);
  };

  const fromServer = (link: Link, piece: Buffer): void => {
    if (mode === 'blackhole') link.dead = true;
    if (link.dead || link.deaf) return;
    const rest = cutBytes - link.received;
    link.received += piece.length;
    if (piece.length < rest) return forward(link.client, piece);
    link.deaf = true;
    link.client.write(piece.subarray(0, rest), () => reset(link));
  };

  const server = createServer((client) => {
    connections++;
    const link: Link = { client, server: connect(proxy.target, '127.0.0.1'), dead: false, deaf: false, received: 0 };
    links.add(link);
    client.setNoDelay();
    link.server.setNoDelay();
    client.on('data', (piece) => fromClient(link, piece as Buffer));
    link.server.on('data', (piece) => fromServer(link, piece as Buffer));
    for (const [socket, other] of [
      [client, link.server],
      [link.server, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => {
        links.delete(link);
        other.destroy();
      });
      if (mode === 'pause') socket.pause();
    }
  });

  const proxy: FaultProxy = {
    port: 0,
    target: port,
    get connections() {
      return connections;
    },
    latencyMs: 0,
    losesReply: () => false,
    pause() {
      mode = 'pause';
      for (const { client, server: inner } of links) for (const socket of [client, inner]) socket.pause();
    },
    blackhole() {
      mode = 'blackhole';
    },
    reset() {
      for (const link of [...links]) reset(link);
    },
    cutAfter(bytes) {
      cutBytes = bytes;
    },
    heal() {
      mode = 'forward';
      cutBytes = Number.POSITIVE_INFINITY;
      proxy.losesReply = () => false;
      for (const { client, server: inner } of links) for (const socket of [client, inner]) socket.resume();
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    proxy.reset();
  });
  return Object.assign(proxy, { port: (server.address() as { port: number }).port });
}
