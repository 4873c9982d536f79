import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpUpstreamOptions } from '../../../src/upstream/http-upstream.ts';
import type { BytesPlan, Plan } from '../../support/upstream-double/plan.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { runAnswer, startAnswer } from './support/chat-upstream.ts';
import { ManualClock } from './support/manual-clock.ts';
import { wireStreams } from './support/wire-streams.ts';
import { createWireUpstream, wireNames } from './support/wires.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

const timeouts = { connectMs: 3_000, firstTokenMs: 30_000, idleMs: 20_000, totalMs: 600_000 };

describe.each(wireNames)('over the wire %s', (wire) => {
  const { text, end, error } = wireStreams[wire];
  const said = text('Hello ') + text('world');

  async function run(plan: Plan, options: Partial<HttpUpstreamOptions> = {}) {
    double.setPlan(plan);
    const upstream = createWireUpstream(wire, { baseUrl: double.url, ...options });
    const sink = await runAnswer(upstream);
    const request = double.requests.at(-1)!;
    await request.closed;
    await upstream.close();
    expect(sink.violations).toEqual([]);
    expect(sink.error?.message ?? '').not.toMatch(/canary|127\.0\.0\.1|localhost/);
    return sink;
  }

  describe('a stream', () => {
    it.each<[string, Omit<BytesPlan, 'kind'>, string]>([
      ['that ends without its marker', { bytes: said }, 'upstream_truncated'],
      ['that is cut inside JSON', { bytes: said + text('cut').slice(0, -9) }, 'upstream_truncated'],
      ['that is reset', { bytes: said, ending: 'reset' }, 'upstream_truncated'],
      ['with broken JSON', { bytes: `${said}data: {"type":"x","oops\n\n${text('!')}${end}` }, 'upstream_malformed'],
      ['with two objects in a line', { bytes: `${said}data: {"a":1}{"b":2}\n\n${end}` }, 'upstream_malformed'],
      ['with a line of 10 MB', { bytes: `${said}data: {"x":"${'y'.repeat(10_000_000)}"}\n\n` }, 'upstream_too_large'],
    ])('%s fails, and keeps what came before', async (_name, plan, code) => {
      const sink = await run({ kind: 'bytes', ...plan });
      expect([sink.error?.code, sink.text]).toEqual([code, 'Hello world']);
    });

    it('that never ends is bounded', async () => {
      const sink = await run(
        { kind: 'forever', bytes: said, piece: text('more '.repeat(100)), intervalMs: 0 },
        { maxOutputBytes: 100_000 },
      );
      expect(sink.error?.code).toBe('upstream_too_large');
      expect(sink.text.startsWith('Hello worldmore more ')).toBe(true);
      expect(sink.text.length).toBeLessThanOrEqual(100_000);
      expect((await double.request(0)).closedByClient).toBe(true);
    });

    it('with a megabyte in one delta is whole, and in pieces', async () => {
      const letters = 'x'.repeat(900_000);
      const sink = await run({ kind: 'bytes', bytes: text(letters) + end });
      expect([sink.text === letters, sink.end?.finish]).toEqual([true, 'stop']);
      expect(Math.max(...sink.calls.map((call) => ('text' in call ? call.text.length : 0)))).toBe(16_384);
    });

    it.each([
      ['CR', (bytes: string) => bytes.replaceAll('\n', '\r')],
      ['CRLF', (bytes: string) => bytes.replaceAll('\n', '\r\n')],
      ['a byte order mark', (bytes: string) => `\uFEFF${bytes}`],
      ['comments', (bytes: string) => bytes.replaceAll('data:', ': ping\n\ndata:')],
    ])('with %s is read the same, in any packets', async (_name, change) => {
      for (const bytesPerWrite of [1_000_000, 7]) {
        const sink = await run({ kind: 'bytes', bytes: change(said + end), bytesPerWrite });
        expect([sink.text, sink.end?.finish]).toEqual(['Hello world', 'stop']);
      }
    });
  });

  describe('silence', () => {
    function start(plan: Plan) {
      double.setPlan(plan);
      const clock = new ManualClock();
      const upstream = createWireUpstream(wire, { baseUrl: double.url, clock, timeouts });
      return { clock, upstream, ...startAnswer(upstream) };
    }

    it('before the head runs out of time', async () => {
      const { clock, sink, upstream } = start({ kind: 'hang' });
      const request = await double.request(0);
      clock.advance(timeouts.firstTokenMs);
      await sink.closed;
      expect([sink.kinds, sink.error?.code]).toEqual([['error', 'close'], 'upstream_timeout']);
      await request.closed;
      await upstream.close();
    });

    it.each<[string, Plan]>([
      ['after two pieces', { kind: 'bytes', bytes: said, ending: 'hang' }],
      ['of comments', { kind: 'forever', bytes: said, piece: ': ping\n\n', intervalMs: 1 }],
    ])('%s runs out of time, and keeps what came before', async (_name, plan) => {
      const { clock, sink, upstream } = start(plan);
      await expect.poll(() => sink.text).toBe('Hello world');
      const request = await double.request(0);
      if (plan.kind === 'forever') await expect.poll(() => request.tokensWritten).toBeGreaterThan(20);
      clock.advance(timeouts.idleMs - 1);
      expect(sink.error).toBeUndefined();
      clock.advance(1);
      await sink.closed;
      expect([sink.error?.code, sink.text, sink.violations]).toEqual(['upstream_timeout', 'Hello world', []]);
      expect(sink.error?.message).toMatch(/^Idle timeout/);
      await request.closed;
      await upstream.close();
    });

    it('of a minute between pieces is too long, or not, as the bound says', async () => {
      let say: (piece: string) => void = () => {};
      const { clock, sink, upstream } = start({ kind: 'hang' });
      const slow = createServer((socket) => {
        say = (piece) => void socket.write(piece);
        socket.on('error', () => {}).once('data', () => say('HTTP/1.1 200 OK\r\n\r\n'));
      });
      await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
      const baseUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/v1`;
      const patient = createWireUpstream(wire, { baseUrl, clock, timeouts: { ...timeouts, idleMs: 90_000 } });
      const answer = startAnswer(patient);
      await answer.sink.until('open');
      for (const piece of ['a', 'b', 'c']) {
        say(text(piece));
        await expect.poll(() => answer.sink.text.at(-1)).toBe(piece);
        clock.advance(60_000);
      }
      expect(answer.sink.error).toBeUndefined();
      clock.advance(30_000);
      await answer.sink.closed;
      expect([answer.sink.error?.code, answer.sink.text]).toEqual(['upstream_timeout', 'abc']);
      await sink.closed;
      await Promise.all([patient.close(), upstream.close()]);
      await new Promise((resolve) => slow.close(resolve));
    });
  });

  describe('an answer that is none', () => {
    it.each<[string, Plan, string]>([
      [
        'an error',
        { kind: 'bytes', bytes: error, headers: { 'content-type': 'application/json' } },
        'upstream_rate_limited',
      ],
      [
        'a page',
        { kind: 'bytes', bytes: '<!doctype html><title>login</title>', headers: { 'content-type': 'text/html' } },
        'upstream_malformed',
      ],
      ['nothing', { kind: 'bytes', bytes: '' }, 'upstream_truncated'],
    ])('with status 200: %s', async (_name, plan, code) => {
      const sink = await run(plan);
      expect([sink.error?.code, sink.text]).toEqual([code, '']);
    });

    it.each<[number, string, number]>([
      [429, '2', 2_000],
      [429, '-1', 0],
      [429, '86400', 60_000],
      [529, 'Fri, 31 Dec 2100 23:59:59 GMT', 60_000],
    ])('%i with Retry-After %s says when', async (status, retryAfter, retryAfterMs) => {
      const sink = await run({ kind: 'status', status, body: error, headers: { 'retry-after': retryAfter } });
      expect(sink.kinds).toEqual(['error', 'close']);
      expect([sink.error?.code, sink.error?.retryAfterMs]).toEqual(['upstream_rate_limited', retryAfterMs]);
    });

    it('may be followed by one that is', async () => {
      const good: Plan = { kind: 'bytes', bytes: said + end };
      double.setPlan([
        { kind: 'status', status: 502, body: 'x' },
        good,
        { kind: 'status', status: 500, body: 'x' },
        good,
      ]);
      const upstream = createWireUpstream(wire, { baseUrl: double.url });
      const ends: unknown[] = [];
      for (let answer = 0; answer < 4; answer++) {
        const sink = await runAnswer(upstream);
        ends.push(sink.error?.code ?? sink.end?.finish);
      }
      expect(ends).toEqual(['upstream_error', 'stop', 'upstream_error', 'stop']);
      await upstream.close();
    });
  });

  it('an abort that the provider ignores closes its socket, and nothing late comes through', async () => {
    let hungUp: () => void = () => {};
    const whenHungUp = new Promise<void>((resolve) => (hungUp = resolve));
    // writes on whatever the other side does, and never closes its own
    const stubborn = createServer({ allowHalfOpen: true }, (socket) => {
      let writing: NodeJS.Timeout;
      socket
        .on('error', () => {})
        .once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\n\r\n${said}`);
          writing = setInterval(() => socket.write(text('late')), 1);
        });
      socket.once('close', () => {
        clearInterval(writing);
        hungUp();
      });
    });
    await new Promise<void>((resolve) => stubborn.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(stubborn.address() as AddressInfo).port}/v1`;
    const upstream = createWireUpstream(wire, { baseUrl });
    const { sink, abort } = startAnswer(upstream);
    await expect.poll(() => sink.text).toContain('worldlate');
    abort();
    // at once, not when the provider has heard of it
    expect(sink.kinds.at(-1)).toBe('close');
    const calls = sink.calls.length;
    await whenHungUp;
    expect([sink.calls.length, sink.violations]).toEqual([calls, []]);
    await upstream.close();
    await new Promise((resolve) => stubborn.close(resolve));
  });
});
