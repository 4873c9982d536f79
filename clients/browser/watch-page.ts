import type { Client } from '../shared/api.ts';

/** Whenever the page may have lost its connection unnoticed (sleep, a frozen tab, another network), looks at once. */
export function watchPage(client: Client): void {
  if (typeof document === 'undefined') return;
  const watching = new AbortController();
  const check = (): void => client.check();
  // visibilitychange bubbles to the window
  for (const name of ['online', 'pagehide', 'pageshow', 'visibilitychange']) addEventListener(name, check, watching);
  client.on('state', (state) => {
    if (state === 'closed') watching.abort();
  });
}
