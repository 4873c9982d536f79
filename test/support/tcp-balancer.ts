import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TcpBalancer {
  /** Address that clients use. */
  readonly url: string;
}

/**
 * A plain balancer as one stands before nodes: connections go round by turns, bytes are passed on as they come. A target that
 * does not take a connection gets no more new ones, and the connection goes to the next.
 */
export async function startTcpBalancer(targets: readonly string[]): Promise<TcpBalancer> {
  const ports = targets.map((url) => Number(new URL(url).port));
  const down = new Set<number>();
  const open = new Set<Socket>();
  let next = 0;

  function pass(client: Socket): void {
    const up = ports.filter((port) => !down.has(port));
    const port = up[next++ % up.length];
    if (port === undefined) return void client.destroy();
    const server = connect(port, '127.0.0.1');
    const refused = (): void => {
      // nothing of the client's was sent yet
      down.add(port);
      pass(client);
    };
    server.once('error', refused);
    server.once('connect', () => {
      server.off('error', refused);
      open.add(server);
      client.pipe(server).pipe(client);
      const end = (): void => {
        open.delete(server);
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) socket.on('error', end).on('close', end);
    });
  }

  const balancer = createServer({ pauseOnConnect: true }, (client) => {
    client.on('error', () => client.destroy());
    client.setNoDelay();
    pass(client);
  });
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    balancer.close();
    for (const server of open) server.destroy();
  });
  return { url: `http://127.0.0.1:${(balancer.address() as { port: number }).port}` };
}
