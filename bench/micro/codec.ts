import { Packr } from 'msgpackr/index-no-eval';
import { jsonCodec, msgpackCodec } from '../../protocol/codec.ts';
import { scanJson } from '../../protocol/scan-json.ts';
import { scanMsgpack } from '../../protocol/scan-msgpack.ts';
import { measurePair, type OperationPair } from '../guard/measure-pair.ts';
import type { BenchResult, Log } from '../result.ts';

const delta = { t: 'delta', s: 0, pos: 123_456, turn: '01KABCDEFGHJKMNPQRSTVWXYZ0', text: ' gateway', tokens: 321 };
const turn = {
  t: 'turn',
  ref: 2,
  s: 0,
  id: '01KABCDEFGHJKMNPQRSTVWXYZ0',
  input: 'What is there to see in Oslo? '.repeat(20),
};

/** The settings that matter to the bytes, without what the codec adds. */
const bare = new Packr({
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  int64AsType: 'number',
} as object);
const bytes = Buffer.from(msgpackCodec.encode(delta) as Uint8Array);
const turnBytes = Buffer.from(msgpackCodec.encode(turn) as Uint8Array);
const text = JSON.stringify(delta);
const turnText = JSON.stringify(turn);

let seen = 0;
/** What an operation answers is looked at, so that it cannot be optimized away. */
const repeat =
  (operation: () => unknown) =>
  (times: number): void => {
    for (let i = 0; i < times; i++) if (operation() !== undefined) seen++;
  };

function pair(name: string, operation: () => unknown, baselineName: string, baseline: () => unknown): OperationPair {
  return { name, baselineName, run: repeat(operation), baseline: repeat(baseline) };
}

/** Frames as they are written and read: a delta of one token, and a turn that comes in. */
export const codecPairs: readonly OperationPair[] = [
  pair(
    'codec, encode a delta',
    () => msgpackCodec.encode(delta),
    'bare msgpackr',
    () => bare.pack(delta),
  ),
  pair(
    'codec, decode a delta',
    () => msgpackCodec.decode(bytes),
    'bare msgpackr',
    () => bare.unpack(bytes),
  ),
  pair(
    'codec, decode a turn',
    () => msgpackCodec.decode(turnBytes),
    'bare msgpackr',
    () => bare.unpack(turnBytes),
  ),
  pair(
    'codec, encode a delta as JSON',
    () => jsonCodec.encode(delta),
    'JSON.stringify',
    () => JSON.stringify(delta),
  ),
  pair(
    'codec, decode a turn of JSON',
    () => jsonCodec.decode(turnText),
    'JSON.parse',
    () => JSON.parse(turnText),
  ),
  pair(
    'byte scan, a delta',
    () => scanMsgpack(bytes),
    'bare msgpackr',
    () => bare.unpack(bytes),
  ),
  pair(
    'byte scan, a turn',
    () => scanMsgpack(turnBytes),
    'bare msgpackr',
    () => bare.unpack(turnBytes),
  ),
  pair(
    'byte scan, a turn of JSON',
    () => scanJson(turnText) ?? true,
    'JSON.parse',
    () => JSON.parse(turnText),
  ),
];

/** The two formats beside each other, as the codec writes and reads them. */
const formatPairs: readonly OperationPair[] = [
  pair(
    'msgpack, encode a delta',
    () => msgpackCodec.encode(delta),
    'JSON.stringify',
    () => JSON.stringify(delta),
  ),
  pair(
    'msgpack, decode a delta',
    () => msgpackCodec.decode(bytes),
    'JSON.parse',
    () => JSON.parse(text),
  ),
];

/** Frames to bytes and back, and the scan before that, next to the bare libraries. */
export async function benchCodec(log: Log): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const one of [...codecPairs, ...formatPairs]) {
    const { name, microseconds, baselineMicroseconds, baselineName } = await measurePair(one, 60);
    results.push({ name, value: microseconds, unit: 'µs', baseline: baselineMicroseconds, baselineName });
    log(`${name}: ${microseconds.toFixed(3)} µs (${baselineName}: ${baselineMicroseconds.toFixed(3)})`);
  }
  log(`(${seen} seen)`);
  return results;
}
