import type { FinishedTurn } from '../../protocol/frames/history.ts';
import type { TurnEntry } from '../store/contract.ts';
import { endOf } from './log-event.ts';
import { standing } from './standing.ts';

/** A stored turn as the history shows it; undefined for an entry without its end. */
export function finishedTurnOf(entry: TurnEntry, isPinned = false): FinishedTurn | undefined {
  const accepted = entry.events.find((event) => event.t === 'turn.accepted');
  const ended = entry.events.at(-1);
  if (accepted === undefined || ended?.t !== 'turn.ended') return undefined;
  const routed = entry.events.findLast((event) => event.t === 'turn.routed');
  const text: string[] = [];
  const reasoning: string[] = [];
  const tools = new Map<string, NonNullable<FinishedTurn['tools']>[number]>();
  for (const event of standing(entry.events)) {
    if (event.t === 'delta') (event.kind === 'reasoning' ? reasoning : text).push(event.text);
    if (event.t === 'tool.call')
      tools.set(event.call, { call: event.call, name: event.name, arguments: event.arguments });
    if (event.t === 'tool.result') Object.assign(tools.get(event.call) ?? {}, resultOf(event));
  }
  return {
    turn: entry.turn,
    pos: accepted.pos,
    end: endOf(ended),
    at: accepted.at,
    input: accepted.input,
    text: text.join(''),
    reasoning: reasoning.length === 0 ? undefined : reasoning.join(''),
    tools: tools.size === 0 ? undefined : [...tools.values()],
    upstream: routed?.upstream,
    model: routed?.model,
    status: ended.status,
    reason: ended.reason,
    message: ended.message,
    heard: entry.heard ?? ended.heard,
    sources: ended.sources,
    limit: ended.limit,
    usage: ended.usage,
    costUsd: ended.costUsd,
    timing: ended.timing,
    pinned: isPinned || undefined,
  };
}

function resultOf(event: { output?: unknown; error?: string | undefined }): object {
  return event.error === undefined ? { output: event.output } : { error: event.error };
}
