/** Even steps of 1, 2 or 5 times a power of ten from 0 to `max`, about `count` of them. */
export function linearTicks(max: number, count: number): number[] {
  if (!(max > 0)) return [0, 1];
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw)! * power;
  const ticks: number[] = [];
  for (let index = 0; index * step < max + step * 0.999; index++) ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten that enclose two positive numbers. */
export function logTicks(min: number, max: number): number[] {
  const [first, last] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  return Array.from({ length: Math.max(1, last - first) + 1 }, (_, index) => 10 ** (first + index));
}
