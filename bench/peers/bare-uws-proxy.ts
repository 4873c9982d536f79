import { createTextStream, RunningTurns } from './text-stream.ts';

/** The same as bare-ws-proxy.ts on uWebSockets.js. */
interface Socket {
  getUserData(): { running: RunningTurns; isOpen: boolean };
  send(message: string): number;
}
interface Behavior {
  idleTimeout: number;
  maxPayloadLength: number;
  upgrade(response: Response, request: Request, context: unknown): void;
  message(socket: Socket, data: ArrayBuffer): void;
  close(socket: Socket): void;
}
interface Request {
  getHeader(name: string): string;
}
interface Response {
  upgrade(userData: object, key: string, protocol: string, extensions: string, context: unknown): void;
}
interface Uws {
  App(): {
    ws(
      pattern: string,
      behavior: Behavior,
    ): { listen(host: string, port: number, done: (token: unknown) => void): void };
  };
  us_socket_local_port(token: unknown): number;
}

const streamText = createTextStream(process.argv[2] ?? 'http://127.0.0.1:9/v1');
const name = 'uWebSockets.js';
const loaded = (await import(name)) as Uws & { default?: Uws };
const uws = typeof loaded.App === 'function' ? loaded : loaded.default!;
const decoder = new TextDecoder();

uws
  .App()
  .ws('/*', {
    idleTimeout: 0,
    maxPayloadLength: 1024 * 1024,
    upgrade(response, request, context) {
      const [key, protocol, extensions] = ['key', 'protocol', 'extensions'].map((header) =>
        request.getHeader(`sec-websocket-${header}`),
      );
      response.upgrade({ running: new RunningTurns(), isOpen: true }, key!, protocol!, extensions!, context);
    },
    message(socket, data) {
      const message = JSON.parse(decoder.decode(data)) as { turn: string; input: string } | { cancel: string };
      const connection = socket.getUserData();
      if ('cancel' in message) return connection.running.cancel(message.cancel);
      const { turn, input } = message;
      const send = (value: object): void => {
        // a socket that is closed must not be touched
        if (connection.isOpen) socket.send(JSON.stringify(value));
      };
      connection.running.start(turn, async (signal) => {
        await streamText(input, signal, (text) => send({ t: 'delta', turn, text }));
        send({ t: 'end', turn });
      });
    },
    close(socket) {
      const connection = socket.getUserData();
      connection.isOpen = false;
      connection.running.cancelAll();
    },
  })
  .listen('127.0.0.1', 0, (token) => process.stdout.write(`http://127.0.0.1:${uws.us_socket_local_port(token)}\n`));
