import type { Client } from '../shared/api.ts';

/** Whenever the page may have lost its connection unnoticed (sleep, a frozen tab, another network), looks at once. */
export function watchPage(client: Client): void {
  if (typeof window === 'undefined') return;
  const check = (): void => client.check();
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') check();
  };
  for (const name of ['online', 'pagehide', 'pageshow']) addEventListener(name, check);
  document.addEventListener('visibilitychange', onVisible);
  client.on('state', (state) => {
    if (state !== 'closed') return;
    for (const name of ['online', 'pagehide', 'pageshow']) removeEventListener(name, check);
    document.removeEventListener('visibilitychange', onVisible);
  });
}
