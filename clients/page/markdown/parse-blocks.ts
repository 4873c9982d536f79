import type { Block, ReadBlock } from './block.ts';
import {
  type Fence,
  indentOf,
  interruptsParagraph,
  isBlank,
  isQuote,
  isRule,
  readFence,
  readHeading,
  readMarker,
} from './line-shapes.ts';
import { parseList } from './parse-list.ts';
import { readTable, startsTable } from './parse-table.ts';

/** Quotes and lists nested deeper than this are read as plain paragraphs. */
const maxDepth = 12;

/**
 * Reads the Markdown that models write: paragraphs, headings, fences, lists, quotes, tables, rules. HTML is text. Goes
 * from the top down and never back, so that of a growing text only the last block can still change.
 */
export function parseBlocks(lines: readonly string[], depth = 0): Block[] {
  const blocks: Block[] = [];
  let line = 0;
  while (line < lines.length) {
    if (isBlank(lines[line]!)) {
      line++;
      continue;
    }
    const { content, end } = readBlock(lines, line, depth);
    blocks.push({ ...content, raw: lines.slice(line, end).join('\n'), line });
    line = end;
  }
  return blocks;
}

function readBlock(lines: readonly string[], line: number, depth: number): ReadBlock {
  const text = lines[line]!;
  const fence = readFence(text);
  if (fence !== undefined) return readCode(lines, line, fence);
  const heading = readHeading(text);
  if (heading !== undefined) return { content: heading, end: line + 1 };
  if (isRule(text)) return { content: { kind: 'rule' }, end: line + 1 };
  if (depth < maxDepth) {
    if (isQuote(text)) return readQuote(lines, line, depth);
    if (readMarker(text) !== undefined) return parseList(lines, line, (inner) => parseBlocks(inner, depth + 1));
  }
  if (startsTable(lines, line)) return readTable(lines, line);
  return readParagraph(lines, line);
}

function readParagraph(lines: readonly string[], first: number): ReadBlock {
  let end = first + 1;
  while (end < lines.length) {
    const line = lines[end]!;
    const underline = /^ {0,3}(?:(={2,})|-{3,})\s*$/.exec(line);
    if (underline !== null) {
      const text = lines.slice(first, end).join('\n').trim();
      return { content: { kind: 'heading', level: underline[1] === undefined ? 2 : 1, text }, end: end + 1 };
    }
    if (isBlank(line) || interruptsParagraph(lines, end)) break;
    end++;
  }
  const text = lines
    .slice(first, end)
    .map((line) => line.trimStart())
    .join('\n');
  return { content: { kind: 'paragraph', text: text.trimEnd() }, end };
}

function readQuote(lines: readonly string[], first: number, depth: number): ReadBlock {
  const inner: string[] = [];
  let end = first;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    if (isQuote(line)) inner.push(line.replace(/^ {0,3}> ?/, ''));
    else if (isBlank(line) || isBlank(inner.at(-1) ?? '') || interruptsParagraph(lines, end)) break;
    else inner.push(line);
  }
  return { content: { kind: 'quote', blocks: parseBlocks(inner, depth + 1) }, end };
}

function readCode(lines: readonly string[], first: number, fence: Fence): ReadBlock {
  const code: string[] = [];
  let end = first + 1;
  let closed = false;
  for (; end < lines.length && !closed; end++) {
    const line = lines[end]!;
    const trimmed = line.trim();
    closed =
      indentOf(line) < 4 && trimmed.length >= fence.mark.length && trimmed === fence.mark[0]!.repeat(trimmed.length);
    if (!closed) code.push(line.slice(Math.min(fence.indent, indentOf(line))));
  }
  return { content: { kind: 'code', language: fence.language, text: code.join('\n') }, end };
}
