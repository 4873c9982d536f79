import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';

/** The atomic steps: file name of the command and its number of keys. */
const commands = {
  parleyCreateSession: ['create-session', 1],
  parleyUpdateSettings: ['update-settings', 1],
  parleySetPinned: ['set-pinned', 2],
  parleyKeepText: ['keep-text', 2],
  parleyNoteHeard: ['note-heard', 2],
  parleyWriteSummary: ['write-summary', 2],
  parleyClaim: ['claim', 4],
  parleyEnd: ['end', 4],
  parleyTombstone: ['tombstone', 2],
  parleyAppend: ['append', 2],
  parleyRenewLease: ['renew-lease', 2],
  parleyBuryNode: ['bury-node', 3],
  parleyGeneration: ['generation', 1],
  parleyFinishBurial: ['finish-burial', 2],
  parleyTakeOverSession: ['take-over-session', 1],
  parleyAdoptSession: ['adopt-session', 2],
  parleyRetain: ['retain', 4],
  parleyTouchSession: ['touch-session', 1],
  parleyExpireSession: ['expire-session', 9],
  parleyWriteRecord: ['write-record', 4],
  parleyTakeRecord: ['take-record', 4],
} as const;

type Command = (...keysAndArguments: (string | number)[]) => Promise<unknown>;

export type RedisConnection = (Redis | Cluster) & Record<keyof typeof commands, Command>;

/**
 * Teaches a connection the Lua commands, sent by their hash. A server that forgot one says NOSCRIPT and has surely done
 * nothing, so it is sent in full: the only repeat that needs no thought. ioredis' own `defineCommand` believes for a
 * minute that a flushed script is there when it pipelines.
 */
export function withCommands(connection: Redis | Cluster): RedisConnection {
  const added: Partial<Record<keyof typeof commands, Command>> = {};
  for (const [name, [file, numberOfKeys]] of Object.entries(commands)) {
    const lua = readFileSync(new URL(`./commands/${file}.lua`, import.meta.url), 'utf8');
    const hash = createHash('sha1').update(lua).digest('hex');
    added[name as keyof typeof commands] = async (...keysAndArguments) => {
      try {
        return await connection.evalsha(hash, numberOfKeys, ...keysAndArguments);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return connection.eval(lua, numberOfKeys, ...keysAndArguments);
      }
    };
  }
  return Object.assign(connection, added) as RedisConnection;
}
