/** What this browser remembers of a conversation; the conversation itself is with the gateway. */
export interface SessionEntry {
  id: string;
  title: string;
  /** Last use, milliseconds since 1970. */
  at: number;
}

const storageKey = 'parley.sessions';
const mostEntries = 500;
const longestTitle = 80;

/** The list of conversations in localStorage, the same in all tabs. */
export class SessionIndex {
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    addEventListener('storage', (event) => {
      if (event.key === storageKey || event.key === null) onChange();
    });
  }

  /** Most recent first. */
  list(): SessionEntry[] {
    return read().toSorted((a, b) => b.at - a.at);
  }

  find(id: string): SessionEntry | undefined {
    return read().find((entry) => entry.id === id);
  }

  /** Notes the use of a conversation; the first message names it. */
  note(id: string, message: string, at: number): void {
    const entries = read();
    const known = entries.find((entry) => entry.id === id);
    if (known !== undefined && known.at >= at) return;
    if (known === undefined) entries.push({ id, title: titleOf(message), at });
    else known.at = at;
    this.#write(entries);
  }

  rename(id: string, title: string): void {
    const entries = read();
    const known = entries.find((entry) => entry.id === id);
    if (known === undefined) return;
    known.title = titleOf(title);
    this.#write(entries);
  }

  remove(id: string): void {
    this.#write(read().filter((entry) => entry.id !== id));
  }

  #write(entries: SessionEntry[]): void {
    const kept = entries.toSorted((a, b) => b.at - a.at).slice(0, mostEntries);
    try {
      localStorage.setItem(storageKey, JSON.stringify(kept));
    } catch {
      // storage is full or forbidden: the conversations themselves are not lost
    }
    this.#onChange();
  }
}

function titleOf(message: string): string {
  const line = message.trim().replaceAll(/\s+/g, ' ');
  const characters = Array.from(line.slice(0, longestTitle * 2));
  if (characters.length === 0) return 'Untitled';
  return characters.length <= longestTitle
    ? line
    : `${characters
        .slice(0, longestTitle - 1)
        .join('')
        .trimEnd()}…`;
}

function read(): SessionEntry[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is SessionEntry {
  const { id, title, at } = (value ?? {}) as Record<string, unknown>;
  return typeof id === 'string' && typeof title === 'string' && typeof at === 'number';
}
