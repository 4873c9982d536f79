import { expect, test } from 'vitest';
import { ChunkedReader } from '../../../bench/load/clients/chunked-reader.ts';
import { benchInput, readBenchInput } from '../../../bench/load/bench-input.ts';

function read(parts: readonly string[]): string[] {
  const seen: string[] = [];
  const reader = new ChunkedReader({
    onStatus: (status) => seen.push(String(status)),
    onBody: (part) => seen.push(part),
    onEnd: () => seen.push('end'),
  });
  for (const part of parts) reader.feed(Buffer.from(part));
  return seen;
}

const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';

test('answers of one connection are read one after another', () => {
  const plain = 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno';
  const empty = 'HTTP/1.1 204 No Content\r\n\r\n';
  expect(read([chunked + plain + empty])).toEqual(['200', 'abc', 'de', 'end', '404', 'no', 'end', '204', 'end']);
});

test('wherever the bytes are cut', () => {
  for (let at = 1; at < chunked.length; at++)
    expect(read([chunked.slice(0, at), chunked.slice(at)])).toEqual(['200', 'abc', 'de', 'end']);
});

test('the upstream reads the last input of a body, as sessions send those of earlier turns, too', () => {
  const body = JSON.stringify([benchInput('a1', 8), benchInput('b2', 0)]);
  expect(readBenchInput(body)).toEqual({ id: 'b2', tokens: 0 });
  expect(readBenchInput('{}')).toBeUndefined();
});
