import type { Alignment, ReadBlock } from './block.ts';

/** A row with a pipe above a row of dashes with as many cells. */
export function startsTable(lines: readonly string[], line: number): boolean {
  const header = lines[line]!;
  const dashes = lines[line + 1];
  if (dashes === undefined || !header.includes('|') || !dashes.includes('-')) return false;
  const cells = splitRow(dashes);
  return cells.every((cell) => /^:?-+:?$/.test(cell)) && cells.length === splitRow(header).length;
}

export function readTable(lines: readonly string[], first: number): ReadBlock {
  const header = splitRow(lines[first]!);
  const alignments = splitRow(lines[first + 1]!).map(alignmentOf);
  const rows: string[][] = [];
  let end = first + 2;
  for (; end < lines.length && lines[end]!.includes('|'); end++) {
    const cells = splitRow(lines[end]!);
    rows.push(header.map((_, column) => cells[column] ?? ''));
  }
  return { content: { kind: 'table', alignments, header, rows }, end };
}

function alignmentOf(cell: string): Alignment {
  if (cell.endsWith(':')) return cell.startsWith(':') ? 'center' : 'right';
  return cell.startsWith(':') ? 'left' : undefined;
}

/** The cells between pipes; a pipe behind a backslash or inside a code span is text. */
function splitRow(line: string): string[] {
  const text = line.trim();
  const cells: string[] = [];
  let cell = '';
  let inCode = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (character === '\\' && text[index + 1] === '|') {
      cell += '|';
      index++;
    } else if (character === '|' && !inCode) {
      cells.push(cell.trim());
      cell = '';
    } else {
      if (character === '`') inCode = !inCode && text.includes('`', index + 1);
      cell += character;
    }
  }
  if (cell.trim() !== '' || !text.endsWith('|')) cells.push(cell.trim());
  if (text.startsWith('|')) cells.shift();
  return cells;
}
