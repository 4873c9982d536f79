import type { DownFrame } from '../../protocol/index.ts';
import type { LoadSocket, OpenLoadSocket } from './load-socket.ts';
import type { MadeSession } from './user-connection.ts';

/** What became of the sessions of a run. */
export interface Erased {
  erased: number;
  /** Those that are still there, by the code of the error that kept them. */
  left: Record<string, number>;
}

/** Sockets at once, each with so many sessions on their way: below what a gateway takes of one socket. */
const sockets = 4;
const atOnce = 32;
/** A gateway that does not answer for so long keeps the rest of its sessions. */
const silenceMs = 30_000;

/** Erases the sessions that a run has made, each with the credential that made it. Never rejects. */
export async function eraseSessions(sessions: readonly MadeSession[], openSocket: OpenLoadSocket): Promise<Erased> {
  const byKey = new Map<string | undefined, MadeSession[]>();
  for (const session of sessions) {
    const queue = byKey.get(session.key);
    if (queue === undefined) byKey.set(session.key, [session]);
    else queue.push(session);
  }
  const total: Erased = { erased: 0, left: {} };
  for (const [key, queue] of byKey) {
    const parts = Array.from({ length: Math.min(sockets, Math.ceil(queue.length / atOnce)) }, () =>
      eraseOverSocket(key, queue, openSocket),
    );
    mergeErased(total, await Promise.all(parts));
    const reason = total.left.forbidden === undefined ? 'not_tried' : 'forbidden';
    if (queue.length > 0) mergeErased(total, [{ erased: 0, left: { [reason]: queue.length } }]);
  }
  return total;
}

const attachRef = (alias: number): number => 2 * alias + 2;
const deleteRef = (alias: number): number => 2 * alias + 3;
const aliasOf = (ref: number): number => Math.floor(ref / 2) - 1;

/** Adds up what several did. */
export function mergeErased(total: Erased, parts: readonly Erased[]): Erased {
  for (const { erased, left } of parts) {
    total.erased += erased;
    for (const [code, count] of Object.entries(left)) total.left[code] = (total.left[code] ?? 0) + count;
  }
  return total;
}

/** Takes sessions from the queue until it is empty, or one may not be erased: then none may. */
function eraseOverSocket(key: string | undefined, queue: MadeSession[], openSocket: OpenLoadSocket): Promise<Erased> {
  return new Promise((resolve) => {
    const done: Erased = { erased: 0, left: {} };
    const refusals = new Map<number, string>();
    let running = 0;
    let isOver = false;
    let isForbidden = false;

    function next(alias: number): void {
      const session = isForbidden ? undefined : queue.pop();
      if (session === undefined) {
        if (running === 0) finish('');
        return;
      }
      running++;
      const { id, epoch, cursor } = session;
      socket.send([
        { t: 'attach', ref: attachRef(alias), s: alias, session: id, epoch, after: cursor },
        { t: 'delete', ref: deleteRef(alias), s: alias },
      ]);
    }

    function settle(alias: number, code: string | undefined): void {
      running--;
      refusals.delete(alias);
      if (code === undefined) done.erased++;
      else done.left[code] = (done.left[code] ?? 0) + 1;
      if (code === 'forbidden') isForbidden = true;
      next(alias);
    }

    function onFrame(frame: DownFrame): void {
      timer.refresh();
      if (frame.t === 'welcome') for (let alias = 0; alias < atOnce; alias++) next(alias);
      if (frame.t === 'deleted') settle(frame.s, undefined);
      if (frame.t !== 'error' || frame.ref === undefined) return;
      const alias = aliasOf(frame.ref);
      // where the attach was refused the delete is refused as well, and the first says why
      if (frame.ref === attachRef(alias)) refusals.set(alias, frame.code);
      else settle(alias, refusals.get(alias) ?? frame.code);
    }

    function finish(code: string): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (running > 0) done.left[code] = (done.left[code] ?? 0) + running;
      socket.close();
      resolve(done);
    }

    const timer = setTimeout(() => finish('timeout'), silenceMs);
    const auth = key === undefined ? {} : { auth: { key } };
    const socket: LoadSocket = openSocket({
      onOpen: () => void socket.send({ t: 'hello', client: { name: 'parley-bench' }, ...auth }),
      onFrame,
      onMessage: () => {},
      onInvalid: () => {},
      onClose: (code, failure) => finish(failure ?? `closed:${code}`),
    });
  });
}
