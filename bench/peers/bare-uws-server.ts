/** Sockets that do nothing, as a baseline for memory. Prints its address. */
interface Uws {
  App(): {
    ws(pattern: string, behavior: object): { listen(host: string, port: number, done: (token: unknown) => void): void };
  };
  us_socket_local_port(token: unknown): number;
}

const name = 'uWebSockets.js';
const loaded = (await import(name)) as Uws & { default?: Uws };
const uws = typeof loaded.App === 'function' ? loaded : loaded.default!;
uws
  .App()
  .ws('/*', { idleTimeout: 0, maxPayloadLength: 1024 * 1024, message: () => {} })
  .listen('127.0.0.1', 0, (token) => process.stdout.write(`http://127.0.0.1:${uws.us_socket_local_port(token)}\n`));
