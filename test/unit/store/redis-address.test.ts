import { describe, expect, test } from 'vitest';
import { parseRedisAddress, withoutRedisPassword } from '../../../src/store/redis-address.ts';

describe('the address of Redis', () => {
  test.each([
    ['redis://cache', { kind: 'single', tls: false, hosts: [{ host: 'cache', port: 6379 }], database: 0 }],
    [
      'rediss://u:p%40s@[::1]:7000/3',
      { tls: true, hosts: [{ host: '::1', port: 7000 }], username: 'u', password: 'p@s', database: 3 },
    ],
    ['redis://:pass@h:1', { username: undefined, password: 'pass' }],
    [
      'redis-sentinel://u:p@a:1,b/2?name=mymaster',
      {
        kind: 'sentinel',
        tls: false,
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26379 },
        ],
        database: 2,
        masterName: 'mymaster',
      },
    ],
    ['rediss-sentinel://a?name=m', { kind: 'sentinel', tls: true }],
    [
      'rediss-cluster://a:1,b:2',
      {
        kind: 'cluster',
        tls: true,
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    ['redis-cluster://a/0', { kind: 'cluster', database: 0, hosts: [{ host: 'a', port: 6379 }] }],
  ])('%s', (text, address) => {
    expect(parseRedisAddress(text)).toMatchObject(address);
  });

  test.each([
    ['http://a', /redis-cluster:\/\/host/],
    ['redis:a', /redis-cluster:\/\/host/],
    ['constructor://a', /redis-cluster:\/\/host/],
    ['redis://', /host:port/],
    ['redis://s3cret@', /host:port/],
    ['redis://a:b', /host:port/],
    ['redis://a:1:2', /host:port/],
    ['redis://a:70000', /65535/],
    ['redis://a,b', /redis-cluster/],
    ['redis://a/x', /number of a database/],
    ['redis-cluster://a/1', /database 0/],
    ['redis-sentinel://a', /\?name=mymaster/],
    ['redis-sentinel://a?name=m&x=s3cret', /no parameters but name/],
    ['redis://a?name=m', /no parameters;/],
    ['redis://u:%s3cret@a', /percent-encoded/],
  ])('%s is refused with one sentence without its secrets', (text, sentence) => {
    expect(() => parseRedisAddress(text)).toThrow(sentence);
    expect(() => parseRedisAddress(text)).not.toThrow(/s3cret/);
  });

  test('is printed without user and password', () => {
    expect(withoutRedisPassword('redis-sentinel://u:p@x@a:1,b:2/0?name=m')).toBe(
      'redis-sentinel://secret@a:1,b:2/0?name=m',
    );
    expect(withoutRedisPassword('redis://a:1')).toBe('redis://a:1');
  });
});
