import { byId } from './dom.ts';

const themes = ['system', 'light', 'dark'] as const;
const storageKey = 'parley.theme';

type Theme = (typeof themes)[number];

/** Light, dark, or as the system says; kept in this browser, the same in all tabs. */
export function startTheme(): void {
  const show = (): void => {
    const theme = readTheme();
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    byId('theme-name', HTMLElement).textContent = `Theme: ${theme}`;
  };
  byId('theme', HTMLButtonElement).addEventListener('click', () => {
    const next = themes[(themes.indexOf(readTheme()) + 1) % themes.length]!;
    localStorage.setItem(storageKey, next);
    show();
  });
  addEventListener('storage', show);
  show();
}

function readTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return themes.find((theme) => theme === stored) ?? 'system';
}
