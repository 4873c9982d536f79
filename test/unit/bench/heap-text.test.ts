import { expect, test } from 'vitest';
import { heapText } from '../../../bench/report/heap-text.ts';

const node = (functionName: string, url: string, selfSize: number, ...children: object[]) =>
  ({ callFrame: { functionName, url }, selfSize, children }) as Parameters<typeof heapText>[0]['profile']['head'];
const usage = (rss: number, heapUsed: number) => ({ rss: rss * 1024, heapUsed: heapUsed * 1024 });
const session = 'file:///x/dist/src/session/session.js';

test('what each thing holds, and who made it: what has no file belongs to the function that called it', () => {
  const head = node(
    '(root)',
    '',
    0,
    node('Session', session, 600, node('set', '', 100)),
    node('pack', 'file:///x/node_modules/msgpackr/pack.js', 250),
    node('(V8 API)', '', 50),
  );
  const growth = { before: usage(100, 40), uncollected: usage(190, 80), after: usage(150, 70), profile: { head } };
  expect(heapText(growth, 10)).toBe(
    'In a run with a profile each took 9 KB, and 5 KB once garbage was collected: 3 KB objects of JavaScript, and 2 KB beside them ' +
      '(sockets, the store, room that the heap keeps). The objects were made by src/session 70 %, msgpackr 25 %, native code 5.0 %; ' +
      'of single functions by Session (src/session) 70 %, pack (msgpackr) 25 %, native code 5.0 %.',
  );
});
