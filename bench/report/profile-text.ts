import { shareText } from '../../src/load/text.ts';
import { placeOf, Shares } from './shares.ts';

/** What is used of V8's format (https://chromedevtools.github.io/devtools-protocol/v8/Profiler/#type-Profile). */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  /** In microseconds of the machine's clock since its start. */
  startTime: number;
  /** Node of each sample, and the microseconds before it. */
  samples: number[];
  timeDeltas: number[];
}

/** The samples between two times of the same clock. */
export function partOf({ nodes, startTime, samples, timeDeltas }: CpuProfile, from: number, until: number): CpuProfile {
  const part: CpuProfile = { nodes, startTime: from, samples: [], timeDeltas: [] };
  let at = startTime;
  for (const [i, sample] of samples.entries()) {
    const micros = timeDeltas[i]!;
    at += micros;
    if (at <= from || at > until) continue;
    part.samples.push(sample);
    part.timeDeltas.push(Math.min(micros, at - from));
  }
  return part;
}

/** How busy a process was, and what its own time went into: by room or package, then by function. Parts of a measure are added up. */
export function profileText(...parts: readonly CpuProfile[]): string {
  const [places, functions] = [new Shares(), new Shares()];
  let idle = 0;
  for (const { nodes, samples, timeDeltas } of parts) {
    const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
    for (const [i, id] of samples.entries()) {
      const { functionName, url } = frames.get(id)!;
      const micros = timeDeltas[i]!;
      if (functionName === '(idle)') {
        idle += micros;
        continue;
      }
      const place = placeOf(functionName, url);
      places.add(place, micros);
      if (!functionName.startsWith('(')) functions.add(`${functionName || 'anonymous'} (${place})`, micros);
    }
  }
  const { total } = places;
  if (total === 0) return 'The profile shows nothing.';
  return `The profile shows it busy for ${shareText(total / (total + idle))} of the time, and of that: ${places.top(7)}; of single functions ${functions.top(5, total)}.`;
}
