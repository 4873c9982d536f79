import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block } from '../../clients/page/markdown/block.ts';
import { BlockStream } from '../../clients/page/markdown/block-stream.ts';
import { parseBlocks } from '../../clients/page/markdown/parse-blocks.ts';
import { parseInline } from '../../clients/page/markdown/parse-inline.ts';

const blocksOf = (text: string): Block[] => parseBlocks(text.split('\n'));
const kindsOf = (text: string): string[] => blocksOf(text).map((block) => block.kind);

describe('the Markdown of the chat page', () => {
  it('reads the blocks that models write', () => {
    expect(kindsOf('# A\ntext\nmore\n***\n> quote\n\n- item\n\n```js\nx\n```\n\n|a|b|\n|-|-|\n|1|2|')).toEqual([
      'heading',
      'paragraph',
      'rule',
      'quote',
      'list',
      'code',
      'table',
    ]);
  });

  it('reads a fence that is still open as code', () => {
    expect(blocksOf('```py\n# not a heading\n\n- not a list')).toMatchObject([
      { kind: 'code', language: 'py', text: '# not a heading\n\n- not a list' },
    ]);
  });

  it('nests lists by two columns or more, and keeps code within an item', () => {
    const [list] = blocksOf('1. one\n  - below\n2. two\n   ```\n   code\n   ```\n3. [x] done');
    expect(list).toMatchObject({
      kind: 'list',
      start: 1,
      items: [
        { blocks: [{ kind: 'paragraph' }, { kind: 'list', start: undefined }] },
        { blocks: [{ kind: 'paragraph' }, { kind: 'code', text: 'code' }] },
        { checked: true },
      ],
    });
  });

  it('reads table cells with pipes in code and behind backslashes', () => {
    expect(blocksOf('| a | b |\n| :-: | --: |\n| `x|y` | p\\|q |\n| short |')).toMatchObject([
      {
        kind: 'table',
        alignments: ['center', 'right'],
        rows: [
          ['`x|y`', 'p|q'],
          ['short', ''],
        ],
      },
    ]);
  });

  it('reads emphasis by the rules of CommonMark', () => {
    expect(parseInline('**a *b* c** snake_case_name 2*3*4 ~~x~~')).toMatchObject([
      { kind: 'strong', children: [{ text: 'a ' }, { kind: 'emphasis' }, { text: ' c' }] },
      { kind: 'text', text: ' snake_case_name 2' },
      { kind: 'emphasis' },
      { kind: 'text' },
      { kind: 'strike' },
    ]);
    expect(parseInline('5 * 3 ** 2')).toEqual([{ kind: 'text', text: '5 * 3 ** 2' }]);
  });

  it('makes links of web and mail addresses alone', () => {
    expect(parseInline('see https://a.example/x_(y), ok')).toMatchObject([
      { text: 'see ' },
      { kind: 'link', href: 'https://a.example/x_(y)' },
      { text: ', ok' },
    ]);
    const hrefs = [
      'javascript:x',
      'JaVaScRiPt:x',
      'data:text/html,x',
      'file:///etc',
      '//host',
      'vbscript:x',
      ' javascript:x',
    ].map((href) => parseInline(`[a](${href}) [a](<${href}>) <${href}>`).some((inline) => inline.kind === 'link'));
    expect(hrefs).toEqual(hrefs.map(() => false));
    expect(parseInline('[m](mailto:a@b.example)')).toMatchObject([{ kind: 'link', href: 'mailto:a@b.example' }]);
  });

  it('reads a text that grows like one that is there at once', () => {
    const pieces = fc.constantFrom(
      ...[
        'a',
        'word ',
        '\n',
        '\n',
        '\n\n',
        '# ',
        '## ',
        '- ',
        '  - ',
        '1. ',
        '2) ',
        '> ',
        '```\n',
        '~~~',
        '`',
        '|',
        '| a | b |\n',
        '|---|---|\n',
      ],
      ...['---\n', '===\n', '***', '   ', '    ', '\t', '*', '[x] ', 'x | y\n', '--', '\r\n'],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const stream = new BlockStream();
        const settled: Block[] = [];
        let open: Block[] = [];
        for (const part of parts) {
          stream.append(part);
          const read = stream.read();
          settled.push(...read.blocks.slice(0, read.settled));
          open = read.blocks.slice(read.settled);
        }
        const plain = ({ kind, raw }: Block): string => `${kind}: ${raw}`;
        expect([...settled, ...open].map(plain)).toEqual(blocksOf(text.replaceAll('\r\n', '\n')).map(plain));
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes hostile texts in time that grows with their length', () => {
    const hostile = [
      '[',
      '![',
      '*a ',
      '_a*',
      '`',
      '](',
      '> ',
      '- ',
      '|',
      '<http:',
      '~~',
      '*a**b',
      '`'.repeat(3),
      '1. ',
      '\\',
    ];
    for (const part of hostile) {
      const text = part.repeat(Math.floor(18_000 / part.length));
      expect(blocksOf(text).length).toBeGreaterThan(0);
      expect(parseInline(text).length).toBeGreaterThan(0);
    }
  });
});
