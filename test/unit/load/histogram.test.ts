import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../../src/load/histogram.ts';

const times = fc.array(fc.double({ min: 0, max: 4e6, noNaN: true }), { minLength: 1, maxLength: 300 });

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('merged in any parts, over the wire, it is what one histogram of all values is', () => {
  fc.assert(
    fc.property(fc.array(times, { maxLength: 6 }), (parts) => {
      const merged = new Histogram();
      for (const part of parts) merged.merge(JSON.parse(JSON.stringify(histogramOf(part).toData())) as never);
      const { sumMicroseconds, ...whole } = histogramOf(parts.flat()).toData();
      const { sumMicroseconds: mergedSum, ...rest } = merged.toData();
      expect(rest).toEqual(whole);
      expect(mergedSum).toBeCloseTo(sumMicroseconds, 0);
    }),
  );
});

test('a quantile is off by less than 1 % and a microsecond', () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(share * values.length) - 1)]!;
      const found = histogramOf(values).quantileMs(share);
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.016 + 0.001);
    }),
  );
});

test('an empty one has no quantiles', () => {
  expect(new Histogram().quantileMs(0.5)).toBeNaN();
  expect(new Histogram().toData().buckets).toEqual([]);
});
