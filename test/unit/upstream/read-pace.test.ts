import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createReadPace, type GatheringReader } from '../../../src/upstream/read-pace.ts';
import { makeCertificates } from '../../support/make-certificates.ts';
import { temporaryDirectory } from '../../support/test-gateway.ts';
import { startUpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../../support/upstream-double/token-text.ts';
import { alwaysGathering } from './support/always-gathering.ts';
import { createTestUpstream, helloRequest, runAnswer, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';

function scene(waitMs: number) {
  const clock = new ManualClock();
  const loop = { share: 0 };
  const pace = createReadPace({ waitMs, busyShare: () => loop.share, clock, afterReads: (action) => action() });
  const reader = (read: () => number): GatheringReader => ({ beforeRead() {}, readGathered: read });
  /** Whether a read of so many pieces waits, with the loop that busy since the last sample. */
  const waits = (share: number, pieces = 5): boolean => {
    loop.share = share;
    clock.advance(250);
    return pace.defer(reader(() => pieces));
  };
  return { clock, loop, pace, reader, waits };
}

test('nothing waits while the process has time, and what waits goes on to until it clearly has again', () => {
  const { waits } = scene(40);
  expect([0.1, 0.7, 0.89].map((share) => waits(share))).toEqual([false, false, false]);
  // the saving is what makes the share sink
  expect([0.95, 0.89, 0.95].map((share) => waits(share))).toEqual([false, false, false]);
  expect([0.95, 0.5, 0.31].map((share) => waits(share))).toEqual([true, true, true]);
  expect([0.29, 0.9, 0.9].map((share) => waits(share))).toEqual([false, false, true]);
});

test('where hardly anything comes together nothing waits for half a minute', () => {
  const { clock, waits } = scene(40);
  expect([waits(1), waits(1, 2)]).toEqual([false, true]);
  expect(waits(1, 2)).toBe(false);
  expect(waits(1, 5)).toBe(false);
  clock.advance(30_000);
  expect(waits(1, 5)).toBe(true);
  expect(waits(1, 5)).toBe(true);
});

test('what waits is read once, in the order in which it came, and a fault of one is its own', () => {
  const { clock, loop, pace, reader, waits } = scene(40);
  const read: number[] = [];
  waits(1);
  loop.share = 1;
  clock.advance(250);
  for (let i = 0; i < 6; i++) {
    pace.defer(
      reader(() => {
        if (i === 2) throw new Error('fault');
        return read.push(i);
      }),
    );
    clock.advance(i === 0 ? 0 : 3);
  }
  expect(() => clock.advance(100)).toThrow('fault');
  clock.advance(100);
  expect(read).toEqual([0, 1, 3, 4, 5]);
  expect(clock.pending).toBe(0);
});

test('it can be switched off', () => {
  const { waits } = scene(0);
  expect([waits(1), waits(1)]).toEqual([false, false]);
});

const slow = alwaysGathering(30);

test('an answer that gathers is whole', async () => {
  const double = await startUpstreamDouble();
  double.setPlan({ kind: 'stream', seed: 3, tokens: 200, intervalMs: 1 });
  const upstream = createTestUpstream({ baseUrl: double.url, pace: slow });
  const sink = await runAnswer(upstream);
  expect(sink.text).toBe(answerText(3, helloRequest.turn, 200));
  expect(sink.end).toEqual({ finish: 'stop', rawFinish: 'stop' });
  expect(sink.calls.filter(({ kind }) => kind === 'text').length).toBeGreaterThan(1);
  expect(sink.violations).toEqual([]);
  await upstream.close();
  await double.close();
});

test('nothing of what has gathered comes after a cancel', async () => {
  const double = await startUpstreamDouble();
  double.setPlan({ kind: 'stream', tokens: 5_000, intervalMs: 1 });
  const upstream = createTestUpstream({ baseUrl: double.url, pace: slow });
  const { sink, abort } = startAnswer(upstream);
  await expect.poll(() => sink.text.length).toBeGreaterThan(100);
  const said = sink.text;
  abort();
  await sink.closed;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(sink.text).toBe(said);
  expect(sink.violations).toEqual([]);
  await upstream.close();
  await double.close();
});

test('connections of answers that gather are used again, and read again', async () => {
  const double = await startUpstreamDouble();
  double.setPlan({ kind: 'stream', seed: 3, tokens: 40, intervalMs: 1 });
  const upstream = createTestUpstream({ baseUrl: double.url, pace: slow });
  for (let i = 0; i < 5; i++) {
    const sink = await runAnswer(upstream);
    expect(sink.text).toBe(answerText(3, helloRequest.turn, 40));
    expect(sink.violations).toEqual([]);
  }
  // the next request may come before the connection is free
  expect(double.connections.accepted).toBeLessThanOrEqual(2);
  await upstream.close();
  await double.close();
});

describe.each(['http', 'https'] as const)('over %s', (scheme) => {
  test('while an answer gathers its bytes stay in the kernel, and are fetched in few calls', async () => {
    const double = await startUpstreamDouble();
    double.setPlan({ kind: 'stream', seed: 3, tokens: 200, intervalMs: 2 });
    const { baseUrl, tls } = scheme === 'http' ? { baseUrl: double.url, tls: {} } : await startTlsFront(double.url);
    const upstream = createTestUpstream({ baseUrl, tls, pace: slow });
    /** Turns of the event loop in which something was read: of TLS each record comes apart. */
    let reads = 0;
    let isCounted = false;
    const { push } = Socket.prototype;
    const pushed = vi.spyOn(Socket.prototype, 'push').mockImplementation(function (this: Socket, chunk, encoding) {
      const isOurs = scheme === 'http' || ('authorized' in this && this.authorized);
      if (isOurs && !isCounted && chunk instanceof Buffer && chunk.includes('chat.completion.chunk')) {
        reads++;
        isCounted = true;
        setImmediate(() => (isCounted = false));
      }
      return push.call(this, chunk, encoding);
    });
    const sink = await runAnswer(upstream);
    pushed.mockRestore();
    expect(sink.text).toBe(answerText(3, helloRequest.turn, 200));
    expect(sink.violations).toEqual([]);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThan(100);
    await upstream.close();
    await double.close();
  });
});

/** The same behind TLS. */
async function startTlsFront(url: string) {
  const files = makeCertificates(temporaryDirectory());
  const server = createServer({ cert: readFileSync(files.certificate), key: readFileSync(files.key) }, (socket) => {
    const inner = connect(Number(new URL(url).port), '127.0.0.1');
    pipeline(socket, inner, socket, () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `https://localhost:${port}/v1`, tls: { caFile: files.ca } };
}
