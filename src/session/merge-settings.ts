import type { Settings } from '../../protocol/frames/common.ts';

/** Settings after a change: absent keys stay as they are, `null` removes. */
export function mergeSettings(current: Settings, change: Settings): Settings {
  const merged = Object.entries({ ...current, ...withoutUndefined(change) });
  return Object.fromEntries(merged.filter(([, value]) => value !== null && value !== undefined)) as Settings;
}

function withoutUndefined(change: Settings): Settings {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Settings;
}
