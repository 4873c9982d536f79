type Child = Node | string | undefined | false;

type Attributes = Record<string, string | boolean | undefined>;

/** An element with attributes and children; text goes in as text nodes, never as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, '');
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== false));
  return node;
}

/** The element of the page's markup with this id; the markup and the code belong together, so a missing one is a fault. */
export function byId<T extends HTMLElement>(id: string, type: abstract new (...parts: never[]) => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return found;
}

/** Sets text only where it differs, so that live regions speak once. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

const iconPaths = {
  copy: 'M9 9h10v10H9zM5 15V5h10',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  rename: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5',
  close: 'M6 6l12 12M18 6L6 18',
  again: 'M19 12a7 7 0 1 1-2.1-5M19 4v4h-4',
} as const;

type IconName = keyof typeof iconPaths;

/** A 24-unit line drawing, hidden from screen readers: the button around it carries the name. */
export function icon(name: IconName): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', iconPaths[name]);
  svg.append(path);
  return svg;
}

/** A button of a glyph alone, named for screen readers and on hover. */
export function iconButton(name: IconName, label: string, onClick: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label });
  button.append(icon(name));
  button.addEventListener('click', onClick);
  return button;
}
