import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { describe, expect, test } from 'vitest';
import { closeAction, closeCodes } from '../../../protocol/close-codes.ts';
import { jsonCodec, msgpackCodec } from '../../../protocol/codec.ts';
import { downSchema, eventSchema } from '../../../protocol/down.ts';
import { type ErrorCode, errorCodes } from '../../../protocol/error-codes.ts';
import { errorMeanings } from '../../../protocol/error-meanings.ts';
import { upSchema } from '../../../protocol/up.ts';
import { protocolVersion, wireHashes } from '../../../protocol/version.ts';
import { buildAsyncapi } from '../../support/build-asyncapi.ts';
import { exampleDownFrames, exampleUpFrames } from '../../support/example-frames.ts';
import { frameSchemas, jsonSchemaOf } from '../../support/frame-schemas.ts';
import { expectGenerated } from '../../support/generated-file.ts';

const page = readFileSync(new URL('../../../protocol/PROTOCOL.md', import.meta.url), 'utf8');
const clientPart = page.slice(page.indexOf('## 3.'), page.indexOf('## 4.'));
const serverPart = page.slice(page.indexOf('## 4.'), page.indexOf('## 5.'));

describe('the wire lock', () => {
  test('the schemas are those pinned with the version: a change needs an entry in version.ts', () => {
    const text = JSON.stringify(
      frameSchemas.map(({ direction, type, schema }) => [direction, type, jsonSchemaOf(schema)]),
    );
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
    expect(wireHashes[protocolVersion].at(-1)).toBe(hash);
  });

  test('versions only ever gain entries', () => {
    expect(new Set(wireHashes[protocolVersion]).size).toBe(wireHashes[protocolVersion].length);
  });
});

describe('PROTOCOL.md', () => {
  test.each(frameSchemas.map(({ direction, type }) => [direction, type] as const))(
    'describes %s frame %s',
    (direction, type) => {
      const headings = (direction === 'up' ? clientPart : serverPart)
        .split('\n')
        .filter((line) => line.startsWith('### '));
      expect(headings.some((line) => line.includes(`\`${type}\``))).toBe(true);
    },
  );

  test('names no frame that does not exist', () => {
    for (const [direction, part] of [
      ['up', clientPart],
      ['down', serverPart],
    ] as const) {
      const named = part
        .split('\n')
        .filter((line) => line.startsWith('### '))
        .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
      const known = frameSchemas.filter((frame) => frame.direction === direction).map((frame) => frame.type);
      expect(named.filter((type) => !known.includes(type))).toEqual([]);
    }
  });

  test.each(frameSchemas.map(({ direction, type, schema }) => [direction, type, schema] as const))(
    'names every field of %s frame %s',
    (direction, type, schema) => {
      const part = direction === 'up' ? clientPart : serverPart;
      const sections = part.split(/^### /m).filter((section) => section.split('\n')[0]!.includes(`\`${type}\``));
      const fields = Object.keys((schema as unknown as { shape: object }).shape).filter(
        (field) => field !== 't' && !['s', 'pos'].includes(field),
      );
      const missing = fields.filter((field) => !sections.some((section) => new RegExp(`\\b${field}\\b`).test(section)));
      expect(missing).toEqual([]);
    },
  );

  test('lists exactly the events of the log', () => {
    const events = (eventSchema.def.options as unknown as { shape: { t: { def: { values: string[] } } } }[]).map(
      (option) => option.shape.t.def.values[0]!,
    );
    const marked = [...serverPart.matchAll(/^### `([^`]+)` \(event\)$/gm)].map((match) => match[1]!);
    expect(marked.toSorted()).toEqual(events.toSorted());
  });

  test('lists exactly the error codes, with their meaning and whether to retry', () => {
    const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (yes|no) \| (.+) \|$/gm)].map(([, code, retry, meaning]) => [
      code,
      retry === 'yes',
      meaning,
    ]);
    expect(rows).toEqual(
      Object.entries(errorCodes).map(([code, { retryable }]) => [code, retryable, errorMeanings[code as ErrorCode]]),
    );
  });

  test('lists exactly the close codes, in ranges that say what to do', () => {
    const rows = [...page.matchAll(/^\| (4\d{3}) \| `([a-z_]+)` \|/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(rows).toEqual(Object.entries(closeCodes));
    for (const code of Object.values(closeCodes)) {
      expect(closeAction(code)).toBe(code < 4200 ? 'reconnect' : code < 4300 ? 'renew' : 'stop');
    }
    expect([1000, 1001, 1006, 1012].map(closeAction)).toEqual(['reconnect', 'reconnect', 'reconnect', 'reconnect']);
    expect(closeAction(1009)).toBe('stop');
  });
});

describe('golden vectors', () => {
  test('there is one example of every frame, and each is valid', () => {
    expect(exampleUpFrames.map((frame) => frame.t)).toEqual(
      frameSchemas.filter(({ direction }) => direction === 'up').map(({ type }) => type),
    );
    const down = exampleDownFrames.map((frame) => frame.t).toSorted();
    expect(down).toEqual(
      frameSchemas
        .filter(({ direction }) => direction === 'down')
        .map(({ type }) => type as string)
        .toSorted(),
    );
    for (const frame of exampleUpFrames) expect(upSchema.parse(frame)).toEqual(frame);
    for (const frame of exampleDownFrames) expect(downSchema.parse(frame)).toEqual(frame);
  });

  test('protocol/vectors/frames.json holds each as JSON and as msgpack in hex', () => {
    const vectors = [...exampleUpFrames, ...exampleDownFrames].map((frame, i) => ({
      direction: i < exampleUpFrames.length ? 'up' : 'down',
      frame,
      msgpack: Buffer.from(msgpackCodec.encode(frame)).toString('hex'),
    }));
    const messages = [exampleUpFrames.slice(0, 2), exampleDownFrames.slice(2, 4)].map((message) => ({
      message,
      msgpack: Buffer.from(msgpackCodec.encode(message)).toString('hex'),
    }));
    expectGenerated(
      'protocol/vectors/frames.json',
      `${JSON.stringify({ version: protocolVersion, frames: vectors, messages }, undefined, 1)}\n`,
    );
    for (const { frame, msgpack } of vectors) {
      expect(msgpackCodec.decode(Buffer.from(msgpack, 'hex'))).toEqual([frame]);
      expect(jsonCodec.decode(jsonCodec.encode(frame))).toEqual([frame]);
    }
  });
});

describe('protocol/asyncapi.json', () => {
  test('is generated from the schemas and is a valid AsyncAPI 3 document', async () => {
    const text = `${JSON.stringify(buildAsyncapi(), undefined, 1)}\n`;
    expectGenerated('protocol/asyncapi.json', text);
    const diagnostics = await new Parser().validate(text);
    expect(
      diagnostics
        .filter(({ severity }) => Number(severity) === 0)
        .map(({ message, path }) => `${path.join('.')}: ${message}`),
    ).toEqual([]);
  });
});
