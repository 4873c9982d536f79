import { shareText } from '../../src/load/text.ts';

/** What is used of V8's format (https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile). */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  /** Node of each sample, and the microseconds before it. */
  samples: number[];
  timeDeltas: number[];
}

/** Where the second half of a profile spent its own time, the process's rest left out: by room or package, then by function. */
export function profileText(profile: CpuProfile): string {
  const nodes = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const [places, functions] = [new Map<string, number>(), new Map<string, number>()];
  let total = 0;
  for (let i = profile.samples.length >> 1; i < profile.samples.length; i++) {
    const { functionName, url } = nodes.get(profile.samples[i]!)!;
    if (functionName === '(idle)') continue;
    const micros = profile.timeDeltas[i]!;
    const place = placeOf(functionName, url);
    total += micros;
    places.set(place, (places.get(place) ?? 0) + micros);
    if (functionName.startsWith('(')) continue;
    const name = `${functionName === '' ? 'anonymous' : functionName} (${place})`;
    functions.set(name, (functions.get(name) ?? 0) + micros);
  }
  if (total === 0) return 'The profile shows nothing.';
  return `The profile shows: ${top(places, total, 7)}; of single functions ${top(functions, total, 5)}.`;
}

function top(times: ReadonlyMap<string, number>, total: number, count: number): string {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, micros]) => `${name} ${shareText(micros / total)}`)
    .join(', ');
}

function placeOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  const packages = [...url.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)];
  if (packages.length > 0) return packages.at(-1)![1]!;
  const room = /\/(src|protocol)\/(?:(\w[\w-]*)\/)?/.exec(url);
  if (room !== null) return room[1] === 'src' ? `src/${room[2] ?? ''}` : 'protocol';
  return url.startsWith('node:') ? 'Node’s own modules' : 'native code and system calls';
}
