import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';

/** The atomic steps: file name of the command and its number of keys. */
const commands = {
  parleyCreateSession: ['create-session', 1],
  parleyUpdateSettings: ['update-settings', 1],
  parleyClaim: ['claim', 4],
  parleyEnd: ['end', 4],
  parleyTombstone: ['tombstone', 2],
  parleyAppend: ['append', 2],
  parleyRenewLease: ['renew-lease', 1],
  parleyBuryNode: ['bury-node', 2],
  parleyTakeOverSession: ['take-over-session', 1],
} as const;

type Command = (...keysAndArguments: (string | number)[]) => Promise<unknown>;

export type RedisConnection = (Redis | Cluster) & Record<keyof typeof commands, Command>;

/** Teaches a connection the Lua commands; ioredis sends them by their hash and in full when the server does not know it. */
export function withCommands(connection: Redis | Cluster): RedisConnection {
  for (const [name, [file, numberOfKeys]] of Object.entries(commands)) {
    const lua = readFileSync(new URL(`./commands/${file}.lua`, import.meta.url), 'utf8');
    connection.defineCommand(name, { numberOfKeys, lua });
  }
  return connection as RedisConnection;
}
