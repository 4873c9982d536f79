import type { ReadPace } from '../../../../src/upstream/read-pace.ts';

/** As if the process were always busy. */
export function alwaysGathering(waitMs: number): ReadPace {
  return {
    defer(reader) {
      setTimeout(() => {
        reader.beforeRead();
        setImmediate(() => reader.readGathered());
      }, waitMs);
      return true;
    },
  };
}
