import type { Block, ListItem, ReadBlock } from './block.ts';
import { indentOf, interruptsParagraph, isBlank, isRule, type Marker, readMarker } from './line-shapes.ts';

/** Reads the list that begins at this line. Looser than CommonMark in one point: two columns suffice to nest. */
export function parseList(
  lines: readonly string[],
  first: number,
  parseInner: (lines: string[]) => Block[],
): ReadBlock {
  const opening = readMarker(lines[first]!)!;
  const items: ListItem[] = [];
  let tight = true;
  let line = first;
  while (line < lines.length) {
    const marker = readMarker(lines[line]!);
    if (marker === undefined || marker.character !== opening.character || isRule(lines[line]!)) break;
    const { inner, end } = readItem(lines, line, marker);
    const item = toItem(inner, lines.slice(line, end).join('\n'), parseInner);
    if (item.blocks.filter((block) => block.kind === 'paragraph').length > 1) tight = false;
    items.push(item);
    line = end;
    while (line < lines.length && isBlank(lines[line]!)) line++;
    const next = line < lines.length ? readMarker(lines[line]!) : undefined;
    const goesOn = next !== undefined && next.character === opening.character && !isRule(lines[line]!);
    if (goesOn && line > end) tight = false;
    // blank lines behind the last item belong to nobody
    if (!goesOn) {
      line = end;
      break;
    }
  }
  return { content: { kind: 'list', start: opening.start, tight, items }, end: line };
}

function readItem(lines: readonly string[], first: number, marker: Marker): { inner: string[]; end: number } {
  const inner = [lines[first]!.slice(marker.width).replace(/^[ \t]+(?=\S)/, '')];
  const nested = marker.indent + 2;
  let end = first + 1;
  let lastText = first;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    if (isBlank(line)) {
      inner.push('');
      continue;
    }
    const indent = indentOf(line);
    const behindBlank = end - 1 > lastText;
    if (indent < nested && (behindBlank || interruptsParagraph(lines, end) || readMarker(line) !== undefined)) break;
    inner.push(line.slice(Math.min(indent, marker.width, line.length)));
    lastText = end;
  }
  return { inner: inner.slice(0, lastText - first + 1), end: lastText + 1 };
}

function toItem(inner: string[], raw: string, parseInner: (lines: string[]) => Block[]): ListItem {
  const task = /^\[([ xX])\] /.exec(inner[0] ?? '');
  if (task !== null) inner[0] = inner[0]!.slice(4);
  return { raw, checked: task === null ? undefined : task[1] !== ' ', blocks: parseInner(inner) };
}
