import type { WindowReport } from '../../protocol/frames/turn.ts';
import type { ConnectionState, SessionPresence } from '../browser/index.ts';
import { byId, setText } from './dom.ts';
import { countOf, formatCount } from './facts.ts';

const connectionWords: Record<ConnectionState, string> = {
  connecting: 'Connecting…',
  live: 'Live',
  resuming: 'Resuming…',
  offline: 'Offline, trying again',
  draining: 'Draining, moving on',
  closed: 'Closed',
};

export function showConnection(state: ConnectionState): void {
  byId('connection', HTMLElement).dataset['state'] = state;
  setText(byId('connection-words', HTMLElement), connectionWords[state]);
}

export function showPresence(presence: SessionPresence | undefined): void {
  const node = byId('presence', HTMLElement);
  const followers = (presence?.writers ?? 0) + (presence?.viewers ?? 0);
  node.hidden = followers < 2;
  setText(node, followers < 2 ? '' : `${formatCount(followers)} tabs follow`);
}

/** How full the model's window was when the latest turn was sent. */
export function showWindow(report: WindowReport | undefined): void {
  byId('window', HTMLElement).hidden = report === undefined;
  if (report === undefined) return;
  const { tokens, maxTokens, turns, dropped } = report;
  const words = `${formatCount(tokens)} of ${formatCount(maxTokens)} tokens`;
  const kept =
    turns + dropped === 0
      ? 'no earlier turns'
      : `${countOf(turns, 'turn')} kept${dropped > 0 ? `, ${formatCount(dropped)} left out` : ''}`;
  setText(byId('window-words', HTMLElement), `${words} · ${kept}`);
  const meter = byId('window-meter', HTMLElement);
  meter.setAttribute('aria-valuemax', String(maxTokens));
  meter.setAttribute('aria-valuenow', String(Math.min(tokens, maxTokens)));
  meter.setAttribute('aria-valuetext', `${words}, ${kept}`);
  const share = Math.min(1, tokens / maxTokens);
  meter.classList.toggle('full', share > 0.9 || dropped > 0);
  (meter.firstElementChild as HTMLElement).style.width = `${Math.max(2, share * 100)}%`;
}

export function showNotice(words: string | undefined): void {
  byId('notice', HTMLElement).hidden = words === undefined;
  setText(byId('notice-words', HTMLElement), words ?? '');
}
