import { WebSocket } from 'ws';
import { CommandError } from './command-error.ts';

export interface TailFlags {
  url: string;
  after?: string;
  epoch?: string;
  key?: string;
}

/**
 * Prints every frame of a session as a JSON line until interrupted. It speaks the wire itself, so that what is printed
 * is what was sent.
 */
export async function tail(session: string, flags: TailFlags): Promise<void> {
  const after = flags.after === undefined ? undefined : Number(flags.after);
  if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0))
    throw new CommandError('--after takes a position: a whole number from 0 on.', 2);
  const url = new URL('/v1/socket', flags.url.replace(/^http/, 'ws'));
  const socket = new WebSocket(url, 'parley.v1.json', { perMessageDeflate: false });
  const stop = (): void => socket.close();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // a reader such as head may leave early
  process.stdout.on('error', stop);
  let failure: CommandError | undefined;
  socket.on('open', () => {
    socket.send(
      JSON.stringify([
        {
          t: 'hello',
          client: { name: 'parley-tail' },
          ...(flags.key === undefined ? {} : { auth: { key: flags.key } }),
        },
        { t: 'attach', ref: 1, s: 0, session, as: 'viewer', after, epoch: flags.epoch },
      ]),
    );
  });
  socket.on('message', (data: Buffer) => {
    const message: unknown = JSON.parse(data.toString('utf8'));
    for (const frame of Array.isArray(message) ? message : [message]) {
      process.stdout.write(`${JSON.stringify(frame)}\n`);
      const { t, ref, message: sentence } = frame as { t: string; ref?: number; message?: string };
      if (t === 'error' && (ref === 1 || ref === undefined)) {
        failure = new CommandError(sentence ?? 'The gateway refused.', 1);
        socket.close();
      }
      if (t === 'deleted') socket.close();
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('error', (cause) =>
      reject(new CommandError(`The gateway at ${flags.url} cannot be reached (${cause.message}).`, 1)),
    );
    socket.on('close', (code) => {
      if (failure === undefined && code >= 4000)
        failure = new CommandError(`The gateway closed the connection with ${code}.`, 1);
      if (failure === undefined) resolve();
      else reject(failure);
    });
  });
}
