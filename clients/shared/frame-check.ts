import type { DownFrame } from '../../protocol/down.ts';
import { ParleyError } from './parley-error.ts';

/*
 * By hand, because the schemas of protocol/ would cost a page 9 KB. It holds what the client relies on: which fields a
 * frame must have, and of which type a field is wherever it occurs. Other fields may be anything.
 */

const required: Record<DownFrame['t'], string> = {
  welcome: 'v heartbeatMs limits',
  authenticated: 'ref',
  attached: 'ref s session epoch outcome from head settings',
  live: 's pos',
  'turn.accepted': 's pos turn input',
  'turn.routed': 's pos turn model window',
  delta: 's pos turn text tokens',
  'tool.call': 's pos turn call name arguments',
  'tool.result': 's pos turn call',
  'turn.ended': 's pos turn status usage timing',
  'turn.state': 's turn state',
  cancelling: 's turn',
  ignored: 's turn call',
  error: 'code message retryable',
  goaway: 'reconnect',
  history: 'ref s turns',
  updated: 's settings',
  deleted: 's',
  pong: 't',
  presence: 's writers viewers',
  lagging: 's pos',
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isString = (value: unknown): boolean => typeof value === 'string';
const isMap = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const fields: [names: string, test: (value: unknown) => boolean][] = [
  ['v ref s pos from head tokens place heartbeatMs retryAfterMs next writers viewers', isCount],
  ['session epoch outcome turn model text kind call name arguments error status reason state code message', isString],
  ['limits settings window usage timing reconnect', isMap],
  ['live turns', Array.isArray],
  ['input', (value) => isString(value) || Array.isArray(value)],
];

const tests = new Map(fields.flatMap(([names, test]) => names.split(' ').map((name) => [name, test] as const)));

/** A frame that may be applied; `undefined` for a type this version does not know. Throws `bad_frame`. */
export function checkDownFrame(value: unknown): DownFrame | undefined {
  const frame = (isMap(value) ? value : {}) as Record<string, unknown>;
  const type = frame['t'];
  if (typeof type !== 'string') throw badFrame('a frame without type');
  if (!Object.hasOwn(required, type)) return undefined;
  for (const name of required[type as 'pong'].split(' ')) {
    if (frame[name] === undefined) throw badFrame(`“${type}” without “${name}”`);
  }
  for (const name in frame) {
    if (frame[name] !== undefined && tests.get(name)?.(frame[name]) === false) throw badFrame(`“${type}” with a bad “${name}”`);
  }
  // an empty piece would occupy no position
  if (frame['text'] === '') throw badFrame('an empty delta');
  return frame as unknown as DownFrame;
}

function badFrame(what: string): ParleyError {
  return new ParleyError('bad_frame', `The gateway sent ${what}.`);
}
