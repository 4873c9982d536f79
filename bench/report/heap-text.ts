import { numberText } from '../../src/load/text.ts';
import { placeOf, Shares } from './shares.ts';

/** What is used of V8's format (https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler/#type-SamplingHeapProfile). */
export interface HeapProfile {
  head: HeapNode;
}

/** Bytes that a function allocated, when it was called from the node above, and that are still held. */
interface HeapNode {
  callFrame: { functionName: string; url: string };
  selfSize: number;
  children: HeapNode[];
}

export type MemoryUsage = Pick<NodeJS.MemoryUsage, 'rss' | 'heapUsed'>;

export interface HeapGrowth {
  before: MemoryUsage;
  /** With the garbage that was made meanwhile. */
  uncollected: MemoryUsage;
  after: MemoryUsage;
  profile: HeapProfile;
}

/** What each of `count` things holds: objects and what is beside them, then which functions made the objects. */
export function heapText({ before, uncollected, after, profile }: HeapGrowth, count: number): string {
  const grown = (of: (usage: MemoryUsage) => number): number => (of(after) - of(before)) / count;
  const objects = grown(({ heapUsed }) => heapUsed);
  const resident = grown(({ rss }) => rss);
  const withGarbage = (uncollected.rss - before.rss) / count;
  const [places, functions] = [new Shares(), new Shares()];
  addNode(profile.head, 'native code', 'native code', places, functions);
  const made =
    places.total === 0 ? '' : ` The objects were made by ${places.top(7)}; of single functions by ${functions.top(5)}.`;
  return `In a run with a profile each took ${kilobytes(withGarbage)}, and ${kilobytes(resident)} once garbage was collected: ${kilobytes(objects)} objects of JavaScript, and ${kilobytes(resident - objects)} beside them (sockets, the store, room that the heap keeps).${made}`;
}

/** What has no file, such as a Map that grows, belongs to the function that called it. */
function addNode(node: HeapNode, abovePlace: string, aboveName: string, places: Shares, functions: Shares): void {
  const { functionName, url } = node.callFrame;
  const place = url === '' ? abovePlace : placeOf(functionName, url);
  const name = url === '' ? aboveName : `${functionName || 'anonymous'} (${place})`;
  if (node.selfSize > 0) {
    places.add(place, node.selfSize);
    functions.add(name, node.selfSize);
  }
  for (const child of node.children) addNode(child, place, name, places, functions);
}

function kilobytes(bytes: number): string {
  return `${numberText(bytes / 1024)} KB`;
}
