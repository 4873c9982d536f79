import type { LogEventOf, SentWindow } from '../session/log-event.ts';
import { endOfAll } from '../session/log-event.ts';
import type { SessionKey, Store, TurnEntry } from '../store/contract.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { systemWithSummary } from './summary-text.ts';
import { userMessage } from './turn-messages.ts';
import { windowTurnOf } from './window-turn.ts';

/** A message as it was sent, and the turn that it is of. */
export interface SentMessage {
  turn: string | undefined;
  message: UpstreamMessage;
}

const pageEntries = 64;

/**
 * The messages of the first upstream call of a turn, built again from the log: the same ones, whatever was noted, pinned
 * or changed since. Undefined when a part of it is not there any more: it was removed, or the session is being erased.
 */
export async function readSentWindow(
  store: Store,
  key: SessionKey,
  accepted: LogEventOf<'turn.accepted'>,
  sent: SentWindow,
): Promise<SentMessage[] | undefined> {
  const [own, summary, entries] = await Promise.all([
    sent.system === undefined ? '' : store.readText(key, sent.system),
    sent.summary === undefined ? '' : store.readText(key, sent.summary),
    readKept(store, key, sent),
  ]);
  if (own === undefined || summary === undefined || entries === undefined) return undefined;
  const system = systemWithSummary(sent.system === undefined ? undefined : own, summary);
  const heard = new Map(sent.heard);
  const messages: SentMessage[] = [];
  if (system !== undefined) messages.push({ turn: undefined, message: { role: 'system', text: system } });
  for (const entry of entries) {
    const ended = entry.events.at(-1);
    const heardAtEnd = ended?.t === 'turn.ended' ? ended.heard : undefined;
    const { turn, messages: own } = windowTurnOf(entry, heard.get(endOfAll(entry.events)) ?? heardAtEnd ?? null);
    messages.push(...own.map((message) => ({ turn, message })));
  }
  messages.push({ turn: accepted.turn, message: userMessage(accepted.input) });
  return messages;
}

/** Entries of the turns that were sent along, in their order. */
async function readKept(store: Store, key: SessionKey, sent: SentWindow): Promise<TurnEntry[] | undefined> {
  const pinned = await Promise.all((sent.pinned ?? []).map((end) => store.readEntries(key, end - 1, 1)));
  const entries = pinned.flat();
  // one that was removed is answered by the one behind it
  if (entries.length < pinned.length || entries.some((entry, i) => endOfAll(entry.events) !== sent.pinned![i]))
    return undefined;
  if (sent.turns === undefined) return entries;
  const [first, last] = sent.turns;
  for (let after = first - 1; after < last; ) {
    const page = await store.readEntries(key, after, pageEntries);
    if (page.length === 0 || (after < first && endOfAll(page[0]!.events) !== first)) return undefined;
    entries.push(...page.filter((entry) => endOfAll(entry.events) <= last));
    after = endOfAll(page.at(-1)!.events);
  }
  return entries;
}
