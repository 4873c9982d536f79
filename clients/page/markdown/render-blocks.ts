import { copyButton } from '../copy-button.ts';
import { element } from '../dom.ts';
import type { Alignment, Block, ListItem } from './block.ts';
import { renderInline } from './render-inline.ts';

/** A block and its element; where blocks hold others, these too, so that growth touches only what grew. */
export interface RenderedBlock {
  block: Block;
  node: HTMLElement;
  /** Of a quote; of a list one array per item. */
  inner: RenderedBlock[][];
}

type BlockOf<K extends Block['kind']> = Extract<Block, { kind: K }>;

/** Makes the children of `parent` show `blocks`, keeping the elements of blocks that did not change. */
export function patchBlocks(parent: HTMLElement, old: RenderedBlock[], blocks: readonly Block[]): RenderedBlock[] {
  const rendered = blocks.map((block, index) => {
    const known = old[index];
    if (known === undefined) {
      const fresh = renderBlock(block);
      parent.append(fresh.node);
      return fresh;
    }
    if (known.block.kind === block.kind && known.block.raw === block.raw) return known;
    if (growBlock(known, block)) return { ...known, block };
    const fresh = renderBlock(block);
    known.node.replaceWith(fresh.node);
    return fresh;
  });
  for (const gone of old.slice(blocks.length)) gone.node.remove();
  return rendered;
}

function renderBlock(block: Block): RenderedBlock {
  switch (block.kind) {
    case 'paragraph':
      return leaf(block, element('p', {}, ...renderInline(block.text)));
    case 'heading':
      return leaf(block, element(headingTags[block.level - 1] ?? 'h6', {}, ...renderInline(block.text)));
    case 'rule':
      return leaf(block, element('hr'));
    case 'code':
      return leaf(block, renderCode(block));
    case 'table':
      return leaf(block, renderTable(block));
    case 'quote': {
      const node = element('blockquote');
      return { block, node, inner: [patchBlocks(node, [], block.blocks)] };
    }
    case 'list': {
      const node = block.start === undefined ? element('ul') : element('ol', { start: String(block.start) });
      node.className = block.tight ? 'tight' : 'loose';
      return { block, node, inner: block.items.map((item) => appendItem(node, item)) };
    }
  }
}

/** The page's own headings are h1 and h2: those of an answer begin below. */
const headingTags = ['h3', 'h4', 'h5', 'h6', 'h6', 'h6'] as const;

function leaf(block: Block, node: HTMLElement): RenderedBlock {
  return { block, node, inner: [] };
}

/** Brings the element of a block up to its longer form; false where it must be made anew. */
function growBlock(known: RenderedBlock, block: Block): boolean {
  const before = known.block;
  if (before.kind === 'paragraph' && block.kind === 'paragraph') {
    known.node.replaceChildren(...renderInline(block.text));
    return true;
  }
  if (before.kind === 'code' && block.kind === 'code' && before.language === block.language) {
    growText(known.node.querySelector('code')!, before.text, block.text);
    return true;
  }
  if (before.kind === 'quote' && block.kind === 'quote') {
    known.inner = [patchBlocks(known.node, known.inner[0]!, block.blocks)];
    return true;
  }
  if (before.kind === 'list' && block.kind === 'list' && before.start === block.start) {
    growList(known, before, block);
    return true;
  }
  if (before.kind === 'table' && block.kind === 'table' && String(before.header) === String(block.header)) {
    const body = known.node.querySelector('tbody')!;
    const same = block.rows.findIndex((row, index) => String(row) !== String(before.rows[index]));
    const kept = same === -1 ? block.rows.length : same;
    while (body.rows.length > kept) body.deleteRow(-1);
    body.append(...block.rows.slice(kept).map((row) => renderRow(row, block.alignments)));
    return true;
  }
  return false;
}

function growText(node: HTMLElement, before: string, after: string): void {
  const text = node.firstChild;
  if (text instanceof Text && after.startsWith(before)) text.appendData(after.slice(before.length));
  else node.textContent = after;
}

function growList(known: RenderedBlock, before: BlockOf<'list'>, list: BlockOf<'list'>): void {
  const { node } = known;
  node.className = list.tight ? 'tight' : 'loose';
  known.inner = list.items.map((item, index) => {
    const old = before.items[index];
    const inner = known.inner[index];
    if (old === undefined || inner === undefined) return appendItem(node, item);
    if (old.raw === item.raw) return inner;
    const place = node.children[index] as HTMLElement;
    if (old.checked === item.checked) return patchBlocks(place, inner, item.blocks);
    const made = renderItem(item);
    place.replaceWith(made.node);
    return made.inner;
  });
  while (node.children.length > list.items.length) node.lastElementChild!.remove();
}

function appendItem(list: HTMLElement, item: ListItem): RenderedBlock[] {
  const { node, inner } = renderItem(item);
  list.append(node);
  return inner;
}

function renderItem(item: ListItem): { node: HTMLElement; inner: RenderedBlock[] } {
  const node = element('li');
  if (item.checked !== undefined) {
    node.className = 'task';
    node.append(
      element('input', {
        type: 'checkbox',
        disabled: true,
        checked: item.checked,
        'aria-label': item.checked ? 'done' : 'open',
      }),
    );
  }
  return { node, inner: patchBlocks(node, [], item.blocks) };
}

function renderCode(block: BlockOf<'code'>): HTMLElement {
  const code = element('code', {}, block.text);
  const name = block.language === '' ? 'Code' : block.language;
  return element(
    'div',
    { class: 'code-block' },
    element(
      'div',
      { class: 'code-head' },
      element('span', {}, name),
      copyButton('Copy', () => code.textContent),
    ),
    element('pre', { tabindex: '0', role: 'region', 'aria-label': `Code, ${name}` }, code),
  );
}

function renderTable(block: BlockOf<'table'>): HTMLElement {
  const head = element(
    'tr',
    {},
    ...block.header.map((cell, column) => renderCell('th', cell, block.alignments[column])),
  );
  return element(
    'div',
    { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Table' },
    element(
      'table',
      {},
      element('thead', {}, head),
      element('tbody', {}, ...block.rows.map((row) => renderRow(row, block.alignments))),
    ),
  );
}

function renderRow(row: readonly string[], alignments: readonly Alignment[]): HTMLElement {
  return element('tr', {}, ...row.map((cell, column) => renderCell('td', cell, alignments[column])));
}

function renderCell(tag: 'th' | 'td', text: string, alignment: Alignment): HTMLElement {
  return element(
    tag,
    { class: alignment && `align-${alignment}`, scope: tag === 'th' ? 'col' : undefined },
    ...renderInline(text),
  );
}
