import type { LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPrivateAddress } from '../../../src/upstream/address-policy.ts';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { createTestUpstream, runAnswer } from './support/chat-upstream.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

/** A name server that somebody else has in hand. */
function answering(...addresses: string[]): LookupFunction {
  return (_hostname, options, callback) => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    if (options.all === true) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  };
}

describe('an address', () => {
  it.each([
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255', '127.0.0.1'],
    ...['169.254.169.254', '224.0.0.1', '255.255.255.255', '0.0.0.0', '198.19.0.1'],
    ...['::', '::1', 'fd00::1', 'fc00::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1'],
    ...['::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::a9fe:a9fe'],
    ...['64:ff9b:1::1', '2002:a9fe:a9fe::1', '2002:7f00:1::', 'no address'],
  ])('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each([
    ...['1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '169.253.0.1', '223.255.255.255'],
    ...['2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::101:101', '2002:101:101::1', '2a00:1450::'],
  ])('%s is public', (address) => expect(isPrivateAddress(address)).toBe(false));
});

describe('an upstream at a private address', () => {
  it.each([
    ...['http://10.0.0.1/v1', 'http://169.254.169.254/latest', 'http://[fd00::1]/v1', 'http://[::ffff:10.0.0.1]/v1'],
    ...['http://[::ffff:127.0.0.1]/v1', 'http://0.0.0.0/v1', 'http://[::]/v1', 'http://2852039166/v1'],
    ...['http://0xa9.0xfe.0xa9.0xfe/v1', 'https://100.64.0.1', 'http://10.1:8080'],
  ])('%s is not made without leave', (baseUrl) => {
    expect(() => createTestUpstream({ baseUrl })).toThrow(TypeError);
    expect(() => createTestUpstream({ baseUrl })).toThrow(/^The base URL [^.]*allowPrivateNetwork[^.]*\.$/);
    expect(() => createTestUpstream({ baseUrl, allowPrivateNetwork: true })).not.toThrow();
  });

  it.each(['http://127.0.0.1:11434/v1', 'http://127.1.2.3', 'http://localhost:8000', 'http://[::1]:8000'])(
    '%s is meant, as it is written',
    (baseUrl) => expect(() => createTestUpstream({ baseUrl })).not.toThrow(),
  );
});

describe('a name', () => {
  const outcome = async (hostname: string, options: { lookup?: LookupFunction; allowPrivateNetwork?: boolean }) => {
    const upstream = createTestUpstream({ baseUrl: `http://${hostname}:${double.port}/v1`, ...options });
    const sink = await runAnswer(upstream);
    await upstream.close();
    return sink;
  };

  it.each([['127.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['169.254.169.254'], ['10.0.0.1', '192.168.0.1']])(
    'that is %s is not connected to',
    async (...addresses) => {
      const { error, kinds } = await outcome('rebound.test', { lookup: answering(...addresses) });
      expect([error?.code, kinds]).toEqual(['upstream_unreachable', ['error', 'close']]);
      expect(error?.message).toBe('The provider is in a private network, where this upstream may not connect to.');
      expect((error!.cause as Error).message).toContain(`rebound.test is ${addresses.join(', ')}`);
      expect(double.connections.accepted).toBe(0);
    },
  );

  it('with leave is', async () => {
    const lookup = answering('127.0.0.1');
    expect((await outcome('inside.test', { lookup, allowPrivateNetwork: true })).end?.finish).toBe('stop');
  });

  it('that has public addresses beside private ones gets those alone', async () => {
    // a port of a documentation network, where nobody answers
    const seen: string[] = [];
    const lookup: LookupFunction = (hostname, options, callback) => {
      seen.push(hostname);
      answering('127.0.0.1', '192.0.2.1')(hostname, options, callback);
    };
    const upstream = createTestUpstream({
      baseUrl: `http://mixed.test:${double.port}/v1`,
      lookup,
      timeouts: { connectMs: 100, firstTokenMs: 100, idleMs: 100, totalMs: 1_000 },
    });
    const sink = await runAnswer(upstream);
    await upstream.close();
    expect(seen).toEqual(['mixed.test']);
    expect(['upstream_timeout', 'upstream_unreachable']).toContain(sink.error?.code);
    expect(double.connections.accepted).toBe(0);
  });

  it('localhost is loopback and nothing else', async () => {
    expect((await outcome('localhost', {})).end?.finish).toBe('stop');
    expect((await outcome('localhost', { lookup: answering('10.0.0.1') })).error?.code).toBe('upstream_unreachable');
  });

  it('is checked anew for each connection', async () => {
    let calls = 0;
    const lookup: LookupFunction = (hostname, options, callback) =>
      answering(calls++ === 0 ? '10.0.0.1' : '127.0.0.1')(hostname, options, callback);
    const upstream = createTestUpstream({ baseUrl: `http://changing.test:${double.port}/v1`, lookup });
    for (let i = 0; i < 3; i++) expect((await runAnswer(upstream)).error?.code).toBe('upstream_unreachable');
    await upstream.close();
    expect([calls, double.connections.accepted]).toEqual([3, 0]);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%i is not followed, wherever it leads', async (status) => {
    const targets = [
      'http://169.254.169.254/latest/meta-data',
      'http://[fe80::1]/',
      double.url,
      '//localhost:1/',
      '/v2',
    ];
    for (const location of targets) {
      double.setPlan({ kind: 'status', status, headers: { location } });
      const upstream = createTestUpstream({ baseUrl: double.url });
      const before = [double.requests.length, double.connections.accepted];
      const sink = await runAnswer(upstream);
      await upstream.close();
      expect([sink.error?.code, sink.error?.status, sink.violations]).toEqual(['upstream_rejected', status, []]);
      expect(sink.error?.message).not.toContain('169.254');
      expect([double.requests.length, double.connections.accepted]).toEqual(before.map((count) => count + 1));
    }
  });
});
