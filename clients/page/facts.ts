import type { InputPart, Timing, TurnInput, Usage } from '../../protocol/frames/common.ts';
import type { TurnState } from '../../protocol/frames/turn.ts';
import type { TurnResult } from '../browser/index.ts';

const wholeNumber = new Intl.NumberFormat('en');

export function formatCount(count: number): string {
  return wholeNumber.format(count);
}

export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** In the units of file managers, with one decimal; `round` says to which side. */
export function formatBytes(bytes: number, round: (value: number) => number): string {
  if (bytes < 1_000) return countOf(bytes, 'byte');
  const [unit, name] = bytes < 1_000_000 ? [1_000, 'KB'] : [1_000_000, 'MB'];
  return `${round((bytes / unit) * 10) / 10} ${name}`;
}

function formatDuration(ms: number): string {
  if (ms < 950) return `${Math.round(ms)} ms`;
  if (ms < 59_500) return `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function inputText(input: TurnInput | undefined): string {
  if (input === undefined || typeof input === 'string') return input ?? '';
  return input.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

/** What is sent beside the text, a few words for each. */
export function mediaLabels(input: TurnInput): string[] {
  if (typeof input === 'string') return [];
  return input.flatMap((part) => (part.type === 'text' ? [] : [mediaLabel(part)]));
}

export function mediaLabel(part: Exclude<InputPart, { type: 'text' }>): string {
  if ('url' in part) return new URL(part.url).hostname;
  return part.name ?? part.mediaType;
}

/** One line for lists of conversations. */
export function inputTitle(input: TurnInput | undefined): string {
  return inputText(input) || (input === undefined ? '' : mediaLabels(input).join(', '));
}

/** What goes on before the first word. */
export function stateWords(state: TurnState['state'], place: number | undefined): string {
  switch (state) {
    case 'queued':
      return place === undefined || place <= 1 ? 'Queued: next' : `Queued: ${place} before it`;
    case 'tool':
      return 'Waiting for a tool';
    case 'routing':
    case 'waiting':
      return 'Waiting for the model';
    case 'streaming':
    case 'ended':
      return 'Answering';
  }
}

const limitNames: Record<string, string> = {
  max_output_tokens: 'output tokens',
  deadline: 'time',
  tool_timeout: 'time for a tool',
  tool_rounds: 'rounds of tools',
};

/** How a turn ended, in words; nothing to say where it simply completed. */
export function endWords({
  status,
  reason,
  message,
  limit,
}: Pick<TurnResult, 'status' | 'reason' | 'message' | 'limit'>): string {
  switch (status) {
    case 'completed':
      return '';
    case 'cancelled':
      return reason === 'detached' ? 'Stopped: nobody was following' : 'Stopped';
    case 'limited':
      if (limit !== undefined && message !== undefined) return `Stopped: ${whenWords(message, limit.retryAfterMs)}`;
      return `Limit reached: ${limitNames[reason ?? ''] ?? reason ?? 'unknown'}`;
    case 'failed':
      return `Failed: ${message ?? reason ?? 'unknown reason'}`;
    case 'interrupted':
      return 'Interrupted: the gateway stopped';
    case 'superseded':
      return 'Superseded by a newer message';
  }
}

/** The sentence of a limit, with when to try again in place of “later”. */
export function whenWords(message: string, retryAfterMs: number | undefined): string {
  if (retryAfterMs === undefined) return message;
  const again = `try again in ${formatWait(retryAfterMs)}.`;
  const later = /try again(?: later)?\.$/i;
  return later.test(message) ? message.replace(later, again) : `${message} T${again.slice(1)}`;
}

/** Rounded up: whoever comes too early is refused again. */
function formatWait(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  if (seconds < 60) return countOf(seconds, 'second');
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return countOf(minutes, 'minute');
  const hours = Math.ceil(minutes / 60);
  return hours < 48 ? countOf(hours, 'hour') : countOf(Math.ceil(hours / 24), 'day');
}

const sourceWords = {
  provider: 'as the provider reported',
  counted: 'counted by the gateway',
  estimated: 'estimated',
} as const;

/** Tokens, where the figures come from, and times. */
export function usageWords(usage: Usage, timing: Timing, costUsd: number | undefined): string[] {
  const words = [`${formatCount(usage.input)} in, ${formatCount(usage.output)} out tokens`];
  if (usage.reasoning > 0) words[0] += ` (${formatCount(usage.reasoning)} reasoning)`;
  words.push(sourceWords[usage.source]);
  if (timing.firstTokenMs !== undefined) words.push(`first token after ${formatDuration(timing.firstTokenMs)}`);
  words.push(`${formatDuration(timing.totalMs)} in total`);
  if (costUsd !== undefined && costUsd > 0) words.push(`$${costUsd.toFixed(4)}`);
  return words;
}
