import type { Redis } from 'ioredis';

/** The subscriber asks for a sign of life this often, and waits as long for it. */
const heartbeatMs = 1_500;

/** One connection that hears messages, over every loss of it. */
export class RedisSubscriber {
  readonly #connection: Redis;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(connection: Redis) {
    this.#connection = connection;
    this.#heartbeat = setInterval(() => {
      // messages may be rare: only the answer to a question, or the socket's timeout, says that there is anybody
      if (connection.status === 'ready') connection.ping().catch(() => {});
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  /** Resolves when it listens; `onReconnect`: it listens again, and messages may have been lost. */
  async listen(channel: string, onMessage: (message: string) => void, onReconnect: () => void): Promise<void> {
    const connection = this.#connection;
    connection.on('message', (_channel: string, message: string) => onMessage(message));
    await connection.subscribe(channel);
    connection.on('ready', () => {
      // what is asked for from now on must find this node listening
      connection.subscribe(channel).then(onReconnect, () => {
        // the next connection does it
      });
    });
  }

  disconnect(): void {
    clearInterval(this.#heartbeat);
    this.#connection.disconnect();
  }
}
