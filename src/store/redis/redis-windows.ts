import type { Store } from '../contract.ts';
import type { RedisKeys } from './keys.ts';
import type { RedisConnection } from './redis-commands.ts';

export interface RedisWindowsOptions {
  connection: RedisConnection;
  keys: RedisKeys;
  ask<Result>(action: () => Promise<Result>): Promise<Result>;
  askToRead<Result>(action: () => Promise<Result>): Promise<Result>;
}

type Windows = Pick<Store, 'noteHeard' | 'setPinned' | 'keepText' | 'readText' | 'readSummary' | 'writeSummary'>;

/** What windows need of a session beside its turns: pins, texts, the summary, what was heard. */
export function createRedisWindows({ connection, keys, ask, askToRead }: RedisWindowsOptions): Windows {
  return {
    noteHeard: (key, position, heard, outputTokens) =>
      ask(async () => {
        const note = JSON.stringify({ heard, outputTokens });
        await connection.parleyNoteHeard(keys.session(key), keys.heard(key), position, note);
      }),
    setPinned: (key, turn, isPinned, max) =>
      ask(async () => {
        const [outcome, pinned = ''] = (await connection.parleySetPinned(
          keys.session(key),
          keys.turns(key),
          turn,
          isPinned ? '1' : '',
          max,
        )) as ['set' | 'full' | 'turn_not_found', string?];
        return outcome === 'set' ? { outcome, pinned: pinnedOf(pinned) } : { outcome };
      }),
    keepText: (key, epoch, id, text) =>
      // the same text under the same id, however often
      askToRead(async () => {
        await connection.parleyKeepText(keys.session(key), keys.texts(key), epoch, id, text);
      }),
    readText: (key, id) => askToRead(async () => (await connection.hget(keys.texts(key), id)) ?? undefined),
    readSummary: (key) =>
      askToRead(async () => {
        const { end, turns, text } = await connection.hgetall(keys.summary(key));
        return end === undefined ? undefined : { end: Number(end), turns: Number(turns), text: text ?? '' };
      }),
    writeSummary: (key, epoch, replaces, { end, turns, text }) =>
      ask(
        async () =>
          (await connection.parleyWriteSummary(
            keys.session(key),
            keys.summary(key),
            epoch,
            replaces,
            end,
            turns,
            text,
          )) === 1,
      ),
  };
}

/** The list of pinned turns as set-pinned.lua writes it. */
export function pinnedOf(text: string): string[] {
  return text.split(' ').filter((turn) => turn !== '');
}
