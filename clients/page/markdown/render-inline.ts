import { element } from '../dom.ts';
import type { Inline } from './inline.ts';
import { parseInline } from './parse-inline.ts';

/** The nodes of a paragraph's text. */
export function renderInline(text: string): Node[] {
  return parseInline(text).map(toNode);
}

function toNode(inline: Inline): Node {
  switch (inline.kind) {
    case 'text':
      return document.createTextNode(inline.text);
    case 'code':
      return element('code', {}, inline.text);
    case 'break':
      return element('br');
    case 'strong':
      return element('strong', {}, ...inline.children.map(toNode));
    case 'emphasis':
      return element('em', {}, ...inline.children.map(toNode));
    case 'strike':
      return element('s', {}, ...inline.children.map(toNode));
    case 'link':
      return element(
        'a',
        { href: inline.href, target: '_blank', rel: 'noopener noreferrer', title: inline.href },
        ...inline.children.map(toNode),
      );
  }
}
