import { contiguousEvents } from '../store/contiguous-events.ts';
import type { SessionKey, Store, TurnEntry } from '../store/contract.ts';
import type { LogEvent } from './log-event.ts';
import { endOf, sliceFrom } from './log-event.ts';

const pageEntries = 32;

/**
 * Finished events from `from` on, in log order without a gap; empty when the store does not have that position. A
 * turn's entry is stored at its end, and turns may overlap, so entries are read until `from` is continued.
 */
export async function readStoredEvents(store: Store, key: SessionKey, from: number): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  let after = from;
  while (true) {
    const entries: TurnEntry[] = await store.readEntries(key, after, pageEntries);
    for (const entry of entries) {
      for (const event of entry.events) if (endOf(event) > from) events.push(sliceFrom(event, from));
    }
    const found = contiguousEvents(events, from);
    const last = entries.at(-1)?.events.at(-1);
    if (found.length > 0 || last === undefined || entries.length < pageEntries) return found;
    after = endOf(last);
  }
}
