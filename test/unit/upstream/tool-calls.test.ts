import { describe, expect, it } from 'vitest';
import { chunk, eventStream, readChat } from './support/read-chat.ts';

function tools(...pieces: unknown[]): unknown {
  return chunk({ tool_calls: pieces });
}

function read(chunks: unknown[], finish = 'tool_calls') {
  return readChat([eventStream([...chunks, chunk({}, finish)])]);
}

const begin = { index: 0, id: 'a', type: 'function', function: { name: 'weather', arguments: '' } };

describe('a streamed tool call', () => {
  it('is given whole, after its pieces were counted', () => {
    const sink = read([
      tools(begin),
      tools({ index: 0, function: { arguments: '{"city":' } }),
      tools({ index: 0, function: { arguments: '"Oslo"}' } }),
    ]);
    expect(sink.calls).toEqual([
      { kind: 'toolCallDelta', text: 'weather' },
      { kind: 'toolCallDelta', text: '{"city":' },
      { kind: 'toolCallDelta', text: '"Oslo"}' },
      { kind: 'toolCall', call: { id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' } },
      { kind: 'end', finish: 'tool_calls', rawFinish: 'tool_calls' },
    ]);
  });

  it.each<[string, unknown[], [string, string, string][]]>([
    [
      'ids that are empty later',
      [tools(begin), tools({ index: 0, id: '', function: { arguments: '{}' } })],
      [['a', 'weather', '{}']],
    ],
    [
      'names that are empty later',
      [tools(begin), tools({ index: 0, function: { name: '', arguments: '{}' } })],
      [['a', 'weather', '{}']],
    ],
    [
      'names that are repeated',
      [tools(begin), tools({ ...begin, function: { name: 'weather', arguments: '{}' } })],
      [['a', 'weather', '{}']],
    ],
    [
      'names in pieces',
      [
        tools({ index: 0, id: 'a', function: { name: 'wea' } }),
        tools({ index: 0, function: { name: 'ther', arguments: '{}' } }),
      ],
      [['a', 'weather', '{}']],
    ],
    ['no arguments', [tools({ index: 0, id: 'a', function: { name: 'now' } })], [['a', 'now', '{}']]],
    [
      'blank arguments',
      [tools({ index: 0, id: 'a', function: { name: 'now', arguments: ' ' } })],
      [['a', 'now', '{}']],
    ],
    [
      'arguments as an object',
      [tools({ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } })],
      [['a', 'f', '{"x":1}']],
    ],
    ['no id', [tools({ index: 0, function: { name: 'f', arguments: '{}' } })], [['call_made_0', 'f', '{}']]],
    [
      'an id per chunk',
      [
        tools(begin),
        tools({ index: 0, id: 'b', function: { arguments: '{"x"' } }),
        tools({ index: 0, id: 'c', function: { arguments: ':1}' } }),
      ],
      [['a', 'weather', '{"x":1}']],
    ],
    [
      'several calls in turn',
      [
        tools(begin, { index: 1, id: 'b', function: { name: 'time', arguments: '' } }),
        tools({ index: 1, function: { arguments: '{"z":1}' } }, { index: 0, function: { arguments: '{"c":2}' } }),
      ],
      [
        ['a', 'weather', '{"c":2}'],
        ['b', 'time', '{"z":1}'],
      ],
    ],
    [
      'the same index and another id',
      [
        tools({ ...begin, function: { name: 'weather', arguments: '{"c":1}' } }),
        tools({ ...begin, id: 'b', function: { name: 'weather', arguments: '{"c":2}' } }),
      ],
      [
        ['a', 'weather', '{"c":1}'],
        ['b', 'weather', '{"c":2}'],
      ],
    ],
    [
      'no index, whole calls',
      [tools({ function: { name: 'f', arguments: { x: 1 } } }, { function: { name: 'f', arguments: { x: 2 } } })],
      [
        ['call_made_0', 'f', '{"x":1}'],
        ['call_made_1', 'f', '{"x":2}'],
      ],
    ],
    [
      'no index, pieces',
      [
        tools({ id: 'a', function: { name: 'f' } }),
        tools({ function: { arguments: '{"x"' } }),
        tools({ id: 'a', function: { arguments: ':1}' } }),
      ],
      [['a', 'f', '{"x":1}']],
    ],
    [
      'the old function_call',
      [chunk({ function_call: { name: 'f', arguments: '' } }), chunk({ function_call: { arguments: '{"x":1}' } })],
      [['call_made_0', 'f', '{"x":1}']],
    ],
    [
      'pieces that are null',
      [chunk({ tool_calls: [null] }), tools({ ...begin, function: { name: 'f', arguments: null } })],
      [['a', 'f', '{}']],
    ],
  ])('may have %s', (_name, chunks, expected) => {
    const sink = read(chunks);
    expect(sink.error).toBeUndefined();
    expect(sink.toolCalls).toEqual(expected.map(([id, name, text]) => ({ id, name, arguments: text })));
  });

  it('ends the answer for tools, although the provider says stop or nothing', () => {
    const call = tools({ ...begin, function: { name: 'f', arguments: '{}' } });
    expect(read([call], 'stop').end).toEqual({ finish: 'tool_calls', rawFinish: 'stop' });
    expect(readChat([eventStream([call])]).end).toEqual({ finish: 'tool_calls', rawFinish: undefined });
  });

  it('with arguments that are not JSON fails and names the tool', () => {
    const sink = read([tools({ ...begin, function: { name: 'we"a\nther', arguments: '{"city": Oslo' } })]);
    expect(sink.error?.code).toBe('upstream_malformed');
    expect(sink.error?.message).toBe('The provider called the tool "we?a?ther" with arguments that are not JSON.');
    expect(sink.toolCalls).toEqual([]);
  });

  it('without a name fails', () => {
    expect(read([tools({ index: 0, id: 'a', function: { arguments: '{}' } })]).error?.code).toBe('upstream_malformed');
  });

  it('that the output bound cut off is left out', () => {
    const sink = read([tools(begin), tools({ index: 0, function: { arguments: '{"city": "Os' } })], 'length');
    expect([sink.toolCalls, sink.end?.finish]).toEqual([[], 'length']);
  });

  it('is not given where the stream breaks off', () => {
    const sink = readChat([eventStream([tools({ ...begin, function: { name: 'f', arguments: '{}' } })], '')]);
    expect([sink.toolCalls, sink.error?.code]).toEqual([[], 'upstream_truncated']);
  });

  it('is bounded in number', () => {
    const many = Array.from({ length: 300 }, (_, index) => tools({ index, id: `c${index}`, function: { name: 'f' } }));
    expect(read(many).error?.code).toBe('upstream_too_large');
  });
});
