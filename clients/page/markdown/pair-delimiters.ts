import type { Delimiter, Inline, Piece } from './inline.ts';

interface Frame {
  opener: Delimiter | undefined;
  /** Marks of the opener not yet used. */
  count: number;
  children: Inline[];
}

/** Runs that wait for a partner at a time; further ones are text, so that hostile texts do not cost quadratic time. */
const maxOpen = 100;

/** Turns runs of emphasis marks into emphasis by the rules of CommonMark; those without a partner become text. */
export function pairDelimiters(pieces: readonly Piece[]): Inline[] {
  const stack: Frame[] = [{ opener: undefined, count: 0, children: [] }];
  for (const piece of pieces) {
    if (piece.kind !== 'delimiter') stack.at(-1)!.children.push(piece);
    else placeDelimiter(stack, piece);
  }
  dissolveAbove(stack, 0);
  return stack[0]!.children;
}

function placeDelimiter(stack: Frame[], delimiter: Delimiter): void {
  let count = delimiter.count;
  while (count > 0 && delimiter.closes) {
    const index = findOpener(stack, delimiter);
    if (index === -1) break;
    dissolveAbove(stack, index);
    const frame = stack.at(-1)!;
    const used = frame.count >= 2 && count >= 2 ? 2 : 1;
    const kind = delimiter.mark === '~' ? 'strike' : used === 2 ? 'strong' : 'emphasis';
    frame.count -= used;
    count -= used;
    frame.children = [{ kind, children: frame.children }];
    if (frame.count === 0) {
      stack.pop();
      stack.at(-1)!.children.push(frame.children[0]!);
    }
  }
  if (count === 0) return;
  if (delimiter.opens && stack.length < maxOpen) stack.push({ opener: delimiter, count, children: [] });
  else stack.at(-1)!.children.push({ kind: 'text', text: delimiter.mark.repeat(count) });
}

function findOpener(stack: readonly Frame[], closer: Delimiter): number {
  for (let index = stack.length - 1; index > 0; index--) {
    const opener = stack[index]!.opener!;
    if (opener.mark !== closer.mark) continue;
    const ambiguous = opener.closes || closer.opens;
    const ofThree = (opener.count + closer.count) % 3 === 0 && (opener.count % 3 !== 0 || closer.count % 3 !== 0);
    if (!(ambiguous && ofThree)) return index;
  }
  return -1;
}

/** Openers above `index` found no partner: their marks are text. */
function dissolveAbove(stack: Frame[], index: number): void {
  const { children } = stack[index]!;
  for (const frame of stack.splice(index + 1)) {
    children.push({ kind: 'text', text: frame.opener!.mark.repeat(frame.count) });
    for (const child of frame.children) children.push(child);
  }
}
