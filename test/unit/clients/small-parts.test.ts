import { expect, test, vi } from 'vitest';
import { Emitter } from '../../../clients/shared/emitter.ts';
import { checkDownFrame } from '../../../clients/shared/frame-check.ts';
import { ParleyError } from '../../../clients/shared/parley-error.ts';
import { socketUrl } from '../../../clients/shared/socket-url.ts';
import { ProtocolError } from '../../../protocol/protocol-error.ts';

test('an address may be a base or the socket itself, of any scheme', () => {
  expect(socketUrl('http://host:8080')).toBe('ws://host:8080/v1/socket');
  expect(socketUrl('https://host/')).toBe('wss://host/v1/socket');
  expect(socketUrl('wss://host/gateway/')).toBe('wss://host/gateway/v1/socket');
  expect(socketUrl('ws://host/v1/socket?x=1#y')).toBe('ws://host/v1/socket?x=1');
  expect(socketUrl('/chat', 'https://host/page#top')).toBe('wss://host/chat/v1/socket');
  expect(() => socketUrl('nonsense')).toThrow(TypeError);
});

test('errors of all kinds become a ParleyError once', () => {
  const own = new ParleyError('closed', 'x');
  expect(ParleyError.from(own)).toBe(own);
  const cause = new ProtocolError('store_unavailable', 'Later.');
  expect(ParleyError.from(cause)).toMatchObject({
    code: 'store_unavailable',
    retryable: true,
    message: 'Later.',
    cause,
  });
  expect(ParleyError.from(AbortSignal.abort().reason)).toMatchObject({ code: 'aborted', retryable: false });
  expect(
    ParleyError.from(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'connection_failed'),
  ).toMatchObject({ code: 'connection_failed' });
  expect(ParleyError.from(undefined)).toMatchObject({ code: 'internal', message: 'undefined' });
  expect(new ParleyError('turn_in_progress', '').retryable).toBe(true);
});

test('frames are checked by the fields the client relies on', () => {
  expect(checkDownFrame({ t: 'pong' })).toEqual({ t: 'pong' });
  expect(checkDownFrame({ t: 'constructor' })).toBeUndefined();
  for (const bad of [
    null,
    [],
    'x',
    {},
    { t: 1 },
    { t: 'live', s: 0 },
    { t: 'live', s: -1, pos: 0 },
    { t: 'delta', s: 0, pos: 0, turn: 'x', text: '', tokens: 0 },
  ]) {
    expect(() => checkDownFrame(bad)).toThrow(ParleyError);
  }
});

test('a listener that throws keeps none of the others from hearing', () => {
  class Bell extends Emitter<{ ring: [times: number] }> {
    ring(times: number): void {
      this.emit('ring', times);
    }
  }
  const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => {});
  const bell = new Bell();
  const heard: number[] = [];
  bell.on('ring', () => {
    throw new Error('deaf');
  });
  const stop = bell.on('ring', (times) => heard.push(times));
  bell.ring(2);
  stop();
  bell.ring(3);
  expect(heard).toEqual([2]);
  expect(later).toHaveBeenCalledTimes(2);
  vi.restoreAllMocks();
});
