import { closeCodes } from '../../protocol/index.ts';
import type { OpenLoadSocket } from './load-socket.ts';
import { BenchError } from './worker-pool.ts';

const timeoutMs = 15_000;

/** Says hello with each key: a run against nothing, or with a key that is none, is not worth its time. Throws `BenchError`. */
export async function checkGateway(
  url: string,
  keys: readonly (string | undefined)[],
  openSocket: OpenLoadSocket,
): Promise<void> {
  for (const [index, key] of keys.entries()) {
    const refusal = await refusalOf(key, openSocket);
    if (refusal === undefined) continue;
    if (refusal !== 'unauthorized') throw new BenchError(`The gateway at ${url} cannot be reached: ${refusal}.`);
    throw new BenchError(
      key === undefined
        ? `The gateway at ${url} lets nobody in without a key: give one with --key.`
        : `The gateway at ${url} does not know the key${keys.length === 1 ? '' : ` number ${index + 1}`} of --key.`,
    );
  }
}

/** Undefined where the gateway welcomes whoever has the key. */
function refusalOf(key: string | undefined, openSocket: OpenLoadSocket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (refusal: string | undefined): void => {
      clearTimeout(timer);
      resolve(refusal);
      socket.drop();
    };
    const timer = setTimeout(() => end('it does not answer'), timeoutMs);
    const socket = openSocket({
      onOpen: () => void socket.send({ t: 'hello', ...(key === undefined ? {} : { auth: { key } }) }),
      onFrame: (frame) => frame.t === 'welcome' && end(undefined),
      onMessage: () => {},
      onInvalid: () => end('what answers is no Parley'),
      onClose: (code, failure) =>
        end(code === closeCodes.unauthorized ? 'unauthorized' : (failure ?? `closed with ${code}`)),
    });
  });
}
