/** Values below this are exact; above, each power of two has half as many steps. */
const exactBelow = 128;
const stepBits = 7;

/** A histogram as it travels and is kept: pairs of a bucket's least value in microseconds and its count, ascending. */
export interface HistogramData {
  count: number;
  sumMicroseconds: number;
  minMicroseconds: number;
  maxMicroseconds: number;
  buckets: [number, number][];
}

/**
 * Counts times in steps that grow with the value, as HdrHistogram does (http://hdrhistogram.org): from a microsecond to
 * hours with an error below 0.8 %, in a few kilobytes. Merging two of them loses nothing.
 */
export class Histogram {
  #counts: number[] = [];
  count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Negative times, of clocks that disagree, count as none. */
  record(milliseconds: number): void {
    this.#add(Math.max(0, Math.round(milliseconds * 1_000)), 1);
  }

  merge(data: HistogramData): void {
    for (const [value, count] of data.buckets) {
      const index = bucketOf(value);
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    }
    this.count += data.count;
    this.#sum += data.sumMicroseconds;
    if (data.count === 0) return;
    this.#min = Math.min(this.#min, data.minMicroseconds);
    this.#max = Math.max(this.#max, data.maxMicroseconds);
  }

  /** The value, in milliseconds, that this share of all values does not exceed; NaN where there is none. */
  quantileMs(share: number): number {
    if (this.count === 0) return Number.NaN;
    if (share >= 1) return this.#max / 1_000;
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] ?? 0;
      // the highest value of the bucket, as far as there can have been one
      if (seen >= rank) return Math.min(this.#max, leastOf(index + 1) - 1) / 1_000;
    }
    return this.#max / 1_000;
  }

  get meanMs(): number {
    return this.count === 0 ? Number.NaN : this.#sum / this.count / 1_000;
  }
  get maxMs(): number {
    return this.count === 0 ? Number.NaN : this.#max / 1_000;
  }

  toData(): HistogramData {
    const buckets: [number, number][] = [];
    for (let index = 0; index < this.#counts.length; index++) {
      const count = this.#counts[index];
      if (count !== undefined && count > 0) buckets.push([leastOf(index), count]);
    }
    const minMicroseconds = this.count === 0 ? 0 : this.#min;
    return { count: this.count, sumMicroseconds: this.#sum, minMicroseconds, maxMicroseconds: this.#max, buckets };
  }

  static from(data: HistogramData): Histogram {
    const histogram = new Histogram();
    histogram.merge(data);
    return histogram;
  }

  #add(microseconds: number, count: number): void {
    const index = bucketOf(microseconds);
    // without holes, as they would make a slow array of it
    while (this.#counts.length <= index) this.#counts.push(0);
    this.#counts[index]! += count;
    this.count += count;
    this.#sum += microseconds * count;
    if (microseconds < this.#min) this.#min = microseconds;
    if (microseconds > this.#max) this.#max = microseconds;
  }
}

function bucketOf(value: number): number {
  if (value < exactBelow) return value;
  const exponent = Math.floor(Math.log2(value)) - (stepBits - 1);
  const step = Math.floor(value / 2 ** exponent);
  // a rounded logarithm may be one too high just below a power of two
  if (step < exactBelow / 2) return bucketAt(exponent - 1, Math.floor(value / 2 ** (exponent - 1)));
  return bucketAt(exponent, step);
}

function bucketAt(exponent: number, step: number): number {
  return exponent * (exactBelow / 2) + step;
}

function leastOf(index: number): number {
  if (index < exactBelow) return index;
  const exponent = Math.floor(index / (exactBelow / 2)) - 1;
  return (index - exponent * (exactBelow / 2)) * 2 ** exponent;
}
