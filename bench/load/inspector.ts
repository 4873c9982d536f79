import { Session } from 'node:inspector/promises';
import { WebSocket } from 'ws';

/** A line to V8's inspector of one process (https://chromedevtools.github.io/devtools-protocol/v8/). */
export interface Inspector {
  post(method: string, parameters?: object): Promise<unknown>;
  close(): void;
}

/** What Node is started with so that it can be asked there. */
export function inspectorFlag(port: number): string {
  return `--inspect=127.0.0.1:${port}`;
}

/** Of another process of this machine. */
export async function inspectProcess(port: number): Promise<Inspector> {
  const listed = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await listed.json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target!.webSocketDebuggerUrl, { perMessageDeflate: false, maxPayload: 2 ** 30 });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  socket.on('message', (data: Buffer) => {
    const { id, result, error } = JSON.parse(data.toString()) as Answer;
    if (id === undefined) return;
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error.message));
    waiting.delete(id);
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('The process ended while it was profiled.'));
  });
  let lastId = 0;
  return {
    post: (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ id, method, params }));
      }),
    close: () => socket.terminate(),
  };
}

/** Of the process that asks. */
export function inspectHere(): Inspector {
  const session = new Session();
  session.connect();
  return {
    post: (method, parameters) => session.post(method, parameters),
    close: () => session.disconnect(),
  };
}

interface Answer {
  /** Absent of events. */
  id?: number;
  result?: unknown;
  error?: { message: string };
}
