import type { Pin, WindowMessage, WindowRequestFrame } from '../../protocol/frames/window.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { readSentWindow, type SentMessage } from '../context/read-sent-window.ts';
import { readEntry } from '../context/session-context.ts';
import type { Follower } from '../session/attachment.ts';
import type { LogEvent } from '../session/log-event.ts';
import type { Session } from '../session/session.ts';
import type { UpstreamMessage } from '../upstream/contract.ts';
import { contentText } from '../upstream/message-text.ts';
import type { ConnectionEnvironment } from './contract.ts';

/** Pinned turns are in every window: there cannot be many. */
const maxPinned = 64;

/** Pins a turn or takes that back, and tells every attachment. */
export async function pinTurn(
  environment: ConnectionEnvironment,
  session: Session,
  asker: Follower,
  frame: Pin,
): Promise<void> {
  const { store, turns } = environment;
  const result = await store.setPinned(session.key, frame.turn, frame.pinned, maxPinned);
  if (result.outcome === 'turn_not_found') throw turnNotFound();
  if (result.outcome === 'full')
    throw new ProtocolError('rate_limited', `A session has at most ${maxPinned} pinned turns; unpin another first.`);
  session.pinned = result.pinned;
  turns.settingsChanged?.(session);
  for (const { follower, alias } of session.attachments) {
    const ref = follower === asker && alias === frame.s ? frame.ref : undefined;
    follower.sendFrame({ t: 'pinned', ref, s: alias, turn: frame.turn, pinned: frame.pinned });
  }
}

/** Answers what was sent upstream in the first call of a turn. */
export async function showWindow(
  environment: ConnectionEnvironment,
  session: Session,
  asker: Follower,
  frame: WindowRequestFrame,
): Promise<void> {
  const { store, limits } = environment;
  const { ref, s, turn } = frame;
  const events = await eventsOf(environment, session, turn);
  const accepted = events.find((event) => event.t === 'turn.accepted');
  const routed = events.find((event) => event.t === 'turn.routed');
  if (accepted === undefined || routed?.sent === undefined)
    return asker.sendFrame({ t: 'window', ref, s, turn, sent: false, messages: [] });
  const all = await readSentWindow(store, session.key, accepted, routed.sent);
  if (all === undefined)
    throw new ProtocolError('turn_not_found', 'Turns that were sent along with this one have been removed.');
  const skip = frame.skip ?? 0;
  const messages: WindowMessage[] = [];
  let bytes = 0;
  for (const sent of all.slice(skip)) {
    const message = messageOf(sent);
    messages.push(message);
    bytes += JSON.stringify(message).length;
    if (bytes > limits.maxHistoryBytes) break;
  }
  const end = skip + messages.length;
  asker.sendFrame({
    t: 'window',
    ref,
    s,
    turn,
    sent: true,
    messages,
    next: end < all.length ? end : undefined,
    upstream: routed.upstream,
    model: routed.model,
    report: routed.window,
  });
}

async function eventsOf(
  { store, turns }: ConnectionEnvironment,
  session: Session,
  turn: string,
): Promise<readonly LogEvent[]> {
  const running = await turns.beginningOf(session, turn);
  if (running !== undefined) return running;
  const stored = await store.readTurn(session.key, turn);
  if (stored === undefined) throw turnNotFound();
  const entry = await readEntry(store, session.key, turn, stored);
  return entry?.events ?? [];
}

function turnNotFound(): ProtocolError {
  return new ProtocolError('turn_not_found', 'There is no such turn in this session.');
}

function messageOf({ turn, message }: SentMessage): WindowMessage {
  switch (message.role) {
    case 'system':
      return { role: 'system', text: message.text, turn };
    case 'user':
      return { role: 'user', text: contentText(message.content), media: mediaTypesOf(message.content), turn };
    case 'assistant': {
      const calls = message.toolCalls?.map(({ id, name, arguments: text }) => ({ call: id, name, arguments: text }));
      return { role: 'assistant', text: message.text, turn, calls };
    }
    case 'tool':
      return { role: 'tool', text: message.output, turn, call: message.call, name: message.name };
  }
}

/** Of a picture at an address the type is not known. */
function mediaTypesOf(content: Extract<UpstreamMessage, { role: 'user' }>['content']): string[] | undefined {
  if (typeof content === 'string') return undefined;
  const types = content.flatMap((part) => {
    if (part.type === 'text') return [];
    return [part.type === 'image' && 'url' in part ? 'image' : part.mediaType];
  });
  return types.length === 0 ? undefined : types;
}
