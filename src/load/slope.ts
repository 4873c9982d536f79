/** How fast a figure grows, with two standard errors of that: by chance alone it is further off in one of twenty cases. */
export interface Slope {
  perHour: number;
  errorPerHour: number;
}

export interface Sample {
  second: number;
  value: number;
}

/** What a heap does between two collections is within a block, and not a trend. */
const maxBlocks = 24;
/** Fewer samples say nothing of a trend. */
const leastSamples = 8;
/** Of blocks that follow each other, beyond which the error would know no bounds. */
const maxCorrelation = 0.9;

/**
 * The line through the means of blocks of samples, by least squares. Neighbouring blocks that err alike (a heap that
 * breathes slowly) are worth fewer of them, by which the error grows. Undefined where there are too few samples.
 */
export function slopeOf(samples: readonly Sample[]): Slope | undefined {
  if (samples.length < leastSamples) return undefined;
  const blocks = blocksOf(samples);
  const meanSecond = mean(blocks.map(({ second }) => second));
  const meanValue = mean(blocks.map(({ value }) => value));
  const spread = sum(blocks.map(({ second }) => (second - meanSecond) ** 2));
  if (spread === 0) return undefined;
  const slope = sum(blocks.map(({ second, value }) => (second - meanSecond) * (value - meanValue))) / spread;
  const residuals = blocks.map(({ second, value }) => value - meanValue - slope * (second - meanSecond));
  const squares = sum(residuals.map((residual) => residual ** 2));
  const neighbours = sum(residuals.slice(1).map((residual, index) => residual * residuals[index]!));
  const correlation = squares === 0 ? 0 : Math.min(maxCorrelation, Math.max(0, neighbours / squares));
  const variance = (squares / (blocks.length - 2) / spread) * ((1 + correlation) / (1 - correlation));
  return { perHour: slope * 3_600, errorPerHour: 2 * Math.sqrt(variance) * 3_600 };
}

/** What of a slope is growth beyond doubt. */
export function growthOf({ perHour, errorPerHour }: Slope): number {
  return Math.max(0, perHour - errorPerHour);
}

function blocksOf(samples: readonly Sample[]): Sample[] {
  const size = Math.ceil(samples.length / maxBlocks);
  const blocks: Sample[] = [];
  // a rest at the end that is no whole block would weigh as much as one
  for (let at = 0; at + size <= samples.length; at += size) {
    const block = samples.slice(at, at + size);
    blocks.push({ second: mean(block.map(({ second }) => second)), value: mean(block.map(({ value }) => value)) });
  }
  return blocks;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
