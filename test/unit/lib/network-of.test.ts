import { expect, test } from 'vitest';
import { networkOf } from '../../../src/lib/network-of.ts';

test('the addresses of one IPv6 network are one', () => {
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:0db8:0000:0000:ffff:0000:0000:0002'));
  expect(networkOf('2001:db8:0:1::1')).not.toBe(networkOf('2001:db8:0:2::1'));
  expect(networkOf('::1')).toBe('0:0:0:0::/64');
});
