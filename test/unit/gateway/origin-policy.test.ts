import { expect, test } from 'vitest';
import { createOriginPolicy } from '../../../src/gateway/origin-policy.ts';

test.each([
  ['127.0.0.1', [], 'http://127.0.0.1:8080', '127.0.0.1:8080', true],
  ['127.0.0.1', [], 'http://localhost:8080', 'localhost:8080', true],
  ['127.0.0.1', [], 'http://rebound.example:8080', 'rebound.example:8080', false],
  ['127.0.0.1', [], 'http://localhost:9999', 'localhost:8080', false],
  ['0.0.0.0', [], 'https://chat.example', 'chat.example', true],
  ['0.0.0.0', [], 'https://evil.example', 'chat.example', false],
  ['0.0.0.0', ['https://app.example/'], 'https://app.example', 'chat.example', true],
  ['0.0.0.0', ['https://app.example'], 'https://app.example.evil', 'chat.example', false],
  ['0.0.0.0', ['*'], 'https://any.example', 'chat.example', true],
  ['0.0.0.0', [], 'null', 'chat.example', false],
  ['0.0.0.0', [], 'https://chat.example', undefined, false],
] as const)('listening on %s with %j, a page of %s at host %s: %s', (listen, allowed, origin, host, expected) => {
  expect(createOriginPolicy(listen, allowed)(origin, host)).toBe(expected);
});
