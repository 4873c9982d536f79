import { startsTable } from './parse-table.ts';

export function isBlank(line: string): boolean {
  return line.trim() === '';
}

/** Leading spaces; a tab counts as four. */
export function indentOf(line: string): number {
  let width = 0;
  for (const character of line) {
    if (character === ' ') width++;
    else if (character === '\t') width += 4;
    else break;
  }
  return width;
}

export interface Marker {
  indent: number;
  /** Columns before the text of the item. */
  width: number;
  /** The bullet, or the character behind the number: another one begins another list. */
  character: string;
  start: number | undefined;
  empty: boolean;
}

export function readMarker(line: string): Marker | undefined {
  const found = /^( {0,3})(?:([-*+])|(\d{1,9})([.)]))(?=[ \t]|$)/.exec(line);
  if (found === null) return undefined;
  const rest = line.slice(found[0].length);
  const empty = isBlank(rest);
  const space = indentOf(rest);
  return {
    indent: found[1]!.length,
    width: found[0].length + (empty || space > 4 ? 1 : space),
    character: found[2] ?? found[4]!,
    start: found[3] === undefined ? undefined : Number(found[3]),
    empty,
  };
}

export interface Fence {
  indent: number;
  mark: string;
  language: string;
}

export function readFence(line: string): Fence | undefined {
  const found = /^( {0,3})(`{3,}|~{3,})/.exec(line);
  if (found === null) return undefined;
  const info = line.slice(found[0].length).trim();
  // text like ```code``` on one line is a code span
  if (found[2]!.startsWith('`') && info.includes('`')) return undefined;
  return { indent: found[1]!.length, mark: found[2]!, language: info.split(/\s/, 1)[0] ?? '' };
}

export function readHeading(line: string): { kind: 'heading'; level: number; text: string } | undefined {
  const found = /^ {0,3}(#{1,6})(?=[ \t]|$)/.exec(line);
  if (found === null) return undefined;
  let text = line.slice(found[0].length).trim();
  let end = text.length;
  while (end > 0 && text[end - 1] === '#') end--;
  if (end === 0 || /\s/.test(text[end - 1]!)) text = text.slice(0, end).trim();
  return { kind: 'heading', level: found[1]!.length, text };
}

export function isRule(line: string): boolean {
  if (indentOf(line) > 3) return false;
  const marks = line.replaceAll(/[ \t]/g, '');
  return marks.length >= 3 && /^(?:-+|\*+|_+)$/.test(marks);
}

export function isQuote(line: string): boolean {
  return /^ {0,3}>/.test(line);
}

/** Whether this line begins a block of its own in the middle of a paragraph. */
export function interruptsParagraph(lines: readonly string[], line: number): boolean {
  const text = lines[line]!;
  if (readFence(text) !== undefined || readHeading(text) !== undefined || isRule(text) || isQuote(text)) return true;
  const marker = readMarker(text);
  if (marker !== undefined && !marker.empty && (marker.start === undefined || marker.start === 1)) return true;
  return startsTable(lines, line);
}
