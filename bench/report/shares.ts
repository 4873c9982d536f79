import { shareText } from '../../src/load/text.ts';

/** Adds up what belongs to each name. */
export class Shares {
  readonly #amounts = new Map<string, number>();
  total = 0;

  add(name: string, amount: number): void {
    this.total += amount;
    this.#amounts.set(name, (this.#amounts.get(name) ?? 0) + amount);
  }

  /** The largest, as shares of all. */
  top(count: number, of: number = this.total): string {
    return [...this.#amounts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([name, amount]) => `${name} ${shareText(amount / of)}`)
      .join(', ');
  }
}

/** A function's package, or its room of the project. */
export function placeOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  const packages = [...url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)];
  if (packages.length > 0) return packages.at(-1)![1]!;
  const room = /\/dist\/(src|protocol|bench)\/(?:(\w[\w-]*)\/)?/.exec(url);
  if (room !== null) return room[1] === 'src' ? `src/${room[2] ?? ''}` : room[1]!;
  return url.startsWith('node:') ? 'Node’s own modules' : 'native code and system calls';
}
