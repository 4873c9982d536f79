export interface Line {
  start: number;
  slope: number;
}

/** The line of least squares through points. A single one gives a level line. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const count = Math.max(1, points.length);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { start: meanY - slope * meanX, slope };
}

/** Factors a and b, none below 0, for which a·x + b·y comes nearest to z, by least squares. */
export function fitPair(points: readonly (readonly [x: number, y: number, z: number])[]): [number, number] {
  const sum = (of: (point: readonly [number, number, number]) => number): number =>
    points.reduce((total, point) => total + of(point), 0);
  const xx = sum(([x]) => x * x);
  const xy = sum(([x, y]) => x * y);
  const yy = sum(([, y]) => y * y);
  const xz = sum(([x, , z]) => x * z);
  const yz = sum(([, y, z]) => y * z);
  const determinant = xx * yy - xy * xy;
  const alone = (square: number, product: number): number => (square === 0 ? 0 : Math.max(0, product / square));
  // the two cannot be told apart
  if (determinant <= 1e-9 * xx * yy) return xx > yy ? [alone(xx, xz), 0] : [0, alone(yy, yz)];
  const a = (xz * yy - yz * xy) / determinant;
  const b = (yz * xx - xz * xy) / determinant;
  if (a < 0) return [0, alone(yy, yz)];
  if (b < 0) return [alone(xx, xz), 0];
  return [a, b];
}
