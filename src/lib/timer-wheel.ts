import type { Clock } from './clock.ts';

/** Calls many things later for the price of one timer. */
export interface TimerWheel {
  /** Calls `callback` in the tick after `atMs` of the clock's `now()`; a time that is past means the next tick. */
  at(atMs: number, callback: () => void): void;
  /** Forgets what was to be called. */
  close(): void;
}

/** Of one millisecond each; what is further away goes around. */
const slotCount = 1_024;

interface Entry {
  tick: number;
  callback: () => void;
}

/**
 * One timer of a millisecond while there is something to call, none otherwise. What is late is called at once, so that
 * a stall is caught up with; callbacks of one tick run in the order in which they were added.
 */
export function createTimerWheel(clock: Pick<Clock, 'now' | 'setTimer'>): TimerWheel {
  const slots: Entry[][] = Array.from({ length: slotCount }, () => []);
  let size = 0;
  let done = Math.floor(clock.now());
  let timer: { cancel(): void } | undefined;

  function turn(): void {
    const now = Math.floor(clock.now());
    // after a stall of more than a round each slot is looked at once
    const from = Math.max(done + 1, now - slotCount + 1);
    done = now;
    for (let tick = from; tick <= now; tick++) runSlot(tick % slotCount, now);
    timer = size > 0 ? clock.setTimer(turn, 1) : undefined;
  }

  function runSlot(index: number, now: number): void {
    const entries = slots[index]!;
    if (entries.length === 0) return;
    slots[index] = [];
    for (const entry of entries) {
      if (entry.tick > now) {
        slots[index].push(entry);
        continue;
      }
      size--;
      entry.callback();
    }
  }

  return {
    at(atMs, callback) {
      if (size === 0) done = Math.max(done, Math.floor(clock.now()));
      const tick = Math.max(Math.ceil(atMs), done + 1);
      slots[tick % slotCount]!.push({ tick, callback });
      size++;
      timer ??= clock.setTimer(turn, 1);
    },
    close() {
      timer?.cancel();
      timer = undefined;
      size = 0;
      for (const slot of slots) slot.length = 0;
    },
  };
}
