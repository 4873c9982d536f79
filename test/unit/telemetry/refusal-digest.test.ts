import { describe, expect, test } from 'vitest';
import type { AuditEntry } from '../../../src/telemetry/contract.ts';
import { digestRefusals } from '../../../src/telemetry/refusal-digest.ts';
import { ManualClock } from '../upstream/support/manual-clock.ts';

function start() {
  const clock = new ManualClock();
  const lines: AuditEntry[] = [];
  const digest = digestRefusals({ note: (entry) => void lines.push(entry) }, clock);
  const refuse = (address: string, reason = 'unknown key', key?: string): void =>
    digest.note({ act: 'credential.refused', address, reason, key });
  return { clock, lines, digest, refuse };
}

describe('refused credentials in the audit log', () => {
  test('the first of an address and reason at once, then one line with a count, ever more rarely', () => {
    const { clock, lines, refuse } = start();
    const guess = (seconds: number): void => {
      for (let i = 0; i < seconds; i++) {
        for (let j = 0; j < 100; j++) refuse('192.0.2.1');
        clock.advance(1_000);
      }
    };
    refuse('192.0.2.1');
    expect(lines.splice(0)).toEqual([{ act: 'credential.refused', address: '192.0.2.1', reason: 'unknown key' }]);
    guess(5);
    expect(lines.splice(0)).toEqual([
      { act: 'credential.refused', address: '192.0.2.1', reason: 'unknown key', count: 500 },
    ]);
    guess(3_600);
    // 10, 20, 40 and then every 60 seconds
    expect(lines.length).toBeLessThan(70);
    const told = lines.reduce((sum, { count }) => sum + count!, 0);
    expect(told).toBeGreaterThan(350_000);
    // nothing is lost: what is held back comes when it is quiet
    clock.advance(70_000);
    expect(lines.reduce((sum, { count }) => sum + count!, 0)).toBe(360_000);
  });

  test('other reasons, keys and networks are told apart, and everything else comes as it is', () => {
    const { lines, digest, refuse } = start();
    for (let i = 0; i < 3; i++) {
      refuse('192.0.2.1');
      refuse('192.0.2.1', 'wrong secret', 'k1');
      refuse('192.0.2.1', 'wrong secret', 'k2');
      refuse('192.0.2.2');
      refuse(`2001:db8::${i}`);
      digest.note({ act: 'key.created', target: String(i) });
    }
    expect(lines).toHaveLength(5 + 3);
    digest.close();
    expect(lines.slice(8).map(({ count }) => count)).toEqual([2, 2, 2, 2, 2]);
  });

  test('one that comes after a quiet while is told at once again', () => {
    const { clock, lines, refuse } = start();
    refuse('192.0.2.1');
    clock.advance(120_000);
    refuse('192.0.2.1');
    expect(lines).toHaveLength(2);
    expect(lines[1]).not.toHaveProperty('count');
  });

  test('a million addresses at once are a few hundred lines, and all are counted', () => {
    const { clock, lines, refuse } = start();
    for (let i = 0; i < 1_000_000; i++) refuse(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    clock.advance(70_000);
    expect(lines.length).toBeLessThan(300);
    expect(lines.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(1_000_000);
    expect(lines.at(-1)).toMatchObject({ act: 'credential.refused', count: expect.any(Number) });
    expect(lines.at(-1)).not.toHaveProperty('address');
  });
});
