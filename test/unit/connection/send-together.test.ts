import { expect, test } from 'vitest';
import { jsonCodec } from '../../../protocol/codec.ts';
import { Outbox } from '../../../src/connection/outbox.ts';
import { sendTogether } from '../../../src/connection/send-together.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Socket } from '../../../src/transport/contract.ts';

function scene() {
  const log: string[] = [];
  const socket = {
    send: (data: string) => {
      log.push((JSON.parse(data) as { t: string; s: number }).s.toString());
      return 'sent';
    },
    bufferedBytes: () => 0,
    cork(action: () => void) {
      log.push('(');
      action();
      log.push(')');
    },
  } as unknown as Socket;
  const outbox = new Outbox(socket, jsonCodec, { clock: systemClock, slowConsumerMs: 1, onSlowConsumer: () => {} });
  const live = (s: number): void => outbox.sendFrame({ t: 'live', s, pos: 0 });
  return { log, live };
}

test('what one socket gets in one go is corked, in order; a single message is not', () => {
  const [a, b] = [scene(), scene()];
  a.live(1);
  sendTogether(() => {
    a.live(2);
    b.live(7);
    a.live(3);
    sendTogether(() => a.live(4));
    expect(a.log).toEqual(['1']);
  });
  a.live(5);
  expect(a.log).toEqual(['1', '(', '2', '3', '4', ')', '5']);
  expect(b.log).toEqual(['7']);
});

test('a fault in between holds nothing back for ever', () => {
  const { log, live } = scene();
  expect(() =>
    sendTogether(() => {
      live(1);
      throw new Error('fault');
    }),
  ).toThrow('fault');
  live(2);
  expect(log).toEqual(['1', '2']);
});
