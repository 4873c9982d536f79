import type { LogEvent } from '../session/log-event.ts';
import { standing } from '../session/standing.ts';

/** How a turn whose node is gone can go on. */
export type Continuation =
  /** Nothing of the upstream call was shown: it is made again. */
  | { kind: 'again' }
  /** The answer is gone on with behind the text that was shown. */
  | { kind: 'prefix' }
  /** It waits for the results of these calls. */
  | { kind: 'tools'; open: string[] };

/**
 * From the turn's durable events, in log order. Undefined where it cannot go on without saying something twice: reasoning
 * was shown, which no provider takes back, or text, and the provider takes no prefix.
 */
export function continuationOf(events: readonly LogEvent[], acceptsPrefix: boolean): Continuation | undefined {
  const open = new Set<string>();
  let text = false;
  let reasoning = false;
  for (const event of standing(events)) {
    if (event.t === 'tool.call') open.add(event.call);
    // one whose call was dropped ends no round
    if (event.t === 'tool.result' && open.delete(event.call)) {
      text = false;
      reasoning = false;
    }
    if (event.t !== 'delta') continue;
    if (event.kind === 'reasoning') reasoning = true;
    else text = true;
  }
  if (open.size > 0) return { kind: 'tools', open: [...open] };
  if (text) return acceptsPrefix ? { kind: 'prefix' } : undefined;
  return reasoning ? undefined : { kind: 'again' };
}
