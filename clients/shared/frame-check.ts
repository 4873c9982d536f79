import type { DownFrame } from '../../protocol/down.ts';
import { ParleyError } from './parley-error.ts';

/*
 * By hand, because the schemas of protocol/ would cost a page 9 KB. It holds what the client relies on: which fields a
 * frame must have, and of which type a field is wherever it occurs. Other fields may be anything.
 */

const required: Record<DownFrame['t'], string> = {
  welcome: 'heartbeatMs limits',
  authenticated: 't',
  attached: 'ref s session epoch outcome from head settings',
  live: 's pos',
  'turn.accepted': 's pos turn input',
  'turn.routed': 's pos turn model window',
  'turn.restarted': 's pos turn from',
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
  pinned: 's turn pinned',
  window: 'ref s turn messages',
  pong: 't',
  presence: 's writers viewers',
  lagging: 's pos',
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isString = (value: unknown): boolean => typeof value === 'string';
const isMap = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const fields: [names: string, test: (value: unknown) => boolean][] = [
  ['ref s pos from head tokens heartbeatMs retryAfterMs', isCount],
  ['t session epoch turn text call name arguments status code message', isString],
  ['limits settings usage timing reconnect', isMap],
  ['live turns messages sources', Array.isArray],
];

const tests = new Map(fields.flatMap(([names, test]) => names.split(' ').map((name) => [name, test] as const)));

/** A frame that may be applied; `undefined` for a type this version does not know. Throws `bad_frame`. */
export function checkDownFrame(value: unknown): DownFrame | undefined {
  const frame = (isMap(value) ? value : {}) as Record<string, unknown>;
  const type = frame['t'] as DownFrame['t'];
  if (isString(type) && !Object.hasOwn(required, type)) return undefined;
  const needed = (required[type] ?? 't').split(' ');
  for (const name of [...needed, ...Object.keys(frame)]) {
    const field = frame[name];
    const isMissing = field === undefined && needed.includes(name);
    // an empty delta would occupy no position
    if (isMissing || (field !== undefined && tests.get(name)?.(field) === false) || (name === 'text' && field === '')) {
      throw new ParleyError('bad_frame', `The gateway sent “${type}” with a bad “${name}”.`);
    }
  }
  return frame as unknown as DownFrame;
}
