import { byId, element, iconButton } from './dom.ts';
import type { SessionEntry } from './session-index.ts';

export interface SessionListOptions {
  onRename(entry: SessionEntry): void;
  onDelete(entry: SessionEntry): void;
}

/** The conversations as links: the address names the conversation, so back, bookmarks and new tabs work. */
export class SessionList {
  readonly #options: SessionListOptions;
  readonly #list = byId('sessions', HTMLElement);
  readonly #none = byId('no-sessions', HTMLElement);

  constructor(options: SessionListOptions) {
    this.#options = options;
  }

  show(entries: readonly SessionEntry[], current: string | undefined): void {
    // drawn anew at every change; the place of the keyboard is kept
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['focus'] : undefined;
    this.#list.replaceChildren(...entries.map((entry) => this.#row(entry, entry.id === current)));
    this.#none.hidden = entries.length > 0;
    if (focused === undefined) return;
    const again = [...this.#list.querySelectorAll<HTMLElement>('[data-focus]')].find(
      (node) => node.dataset['focus'] === focused,
    );
    again?.focus();
  }

  #row(entry: SessionEntry, isCurrent: boolean): HTMLElement {
    const link = element(
      'a',
      {
        href: `#${entry.id}`,
        title: entry.title,
        'aria-current': isCurrent ? 'page' : undefined,
        'data-focus': `open ${entry.id}`,
      },
      entry.title,
    );
    const rename = iconButton('rename', `Rename “${entry.title}”`, () => this.#options.onRename(entry));
    rename.dataset['focus'] = `rename ${entry.id}`;
    const remove = iconButton('remove', `Delete “${entry.title}”`, () => this.#options.onDelete(entry));
    remove.dataset['focus'] = `delete ${entry.id}`;
    return element('li', { class: isCurrent ? 'current' : undefined }, link, rename, remove);
  }
}
