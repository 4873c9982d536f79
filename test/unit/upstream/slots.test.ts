import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSlots } from '../../../src/upstream/slots.ts';

describe('slots', () => {
  it('let so many run and the rest wait in line', async () => {
    const slots = createSlots(2);
    const started: number[] = [];
    const taken = [0, 1, 2, 3, 4].map((number) => slots.take(() => started.push(number)));
    expect([started, slots.running, slots.queued]).toEqual([[0, 1], 2, 3]);
    taken[3]?.release();
    taken[1]?.release();
    taken[1]?.release();
    await nextTurn();
    await nextTurn();
    await nextTurn();
    expect([started, slots.running, slots.queued]).toEqual([[0, 1, 2], 2, 1]);
    for (const slot of taken) slot.release();
    await nextTurn();
    await nextTurn();
    await nextTurn();
    expect([started, slots.running, slots.queued]).toEqual([[0, 1, 2], 0, 0]);
  });
});
