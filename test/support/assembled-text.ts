import type { DownFrame, EventFrame } from '../../protocol/down.ts';
import { standing } from '../../src/session/standing.ts';

const eventTypes = new Set([
  'turn.accepted',
  'turn.routed',
  'turn.restarted',
  'delta',
  'tool.call',
  'tool.result',
  'turn.ended',
]);

export function isEvent(frame: DownFrame): frame is EventFrame {
  return eventTypes.has(frame.t);
}

/** Checks that positions follow each other without gap or repeat from `from` on, and answers the position after the last. */
export function checkContiguous(frames: readonly DownFrame[], alias: number, from: number): number {
  let cursor = from;
  for (const frame of frames) {
    if (!isEvent(frame) || frame.s !== alias) continue;
    if (frame.pos !== cursor) throw new Error(`expected position ${cursor}, got ${frame.pos} (${frame.t})`);
    cursor += frame.t === 'delta' ? frame.text.length : 1;
  }
  return cursor;
}

/** The events from `from` up to `to`, deltas cut at both. */
export function cutEvents(events: readonly EventFrame[], from: number, to: number): EventFrame[] {
  const cut: EventFrame[] = [];
  for (const event of events) {
    const end = event.pos + (event.t === 'delta' ? event.text.length : 1);
    if (end <= from || event.pos >= to) continue;
    if (event.t !== 'delta') cut.push(event);
    else {
      const pos = Math.max(event.pos, from);
      cut.push({ ...event, pos, text: event.text.slice(pos - event.pos, to - event.pos) });
    }
  }
  return cut;
}

/** One line per event with runs of deltas joined: what a client shows, whatever way it came. */
export function transcript(frames: readonly DownFrame[], alias: number): string[] {
  const lines: string[] = [];
  let run = '';
  let runKey = '';
  const close = (): void => {
    if (run !== '') lines.push(`${runKey}:${run}`);
    run = '';
  };
  for (const frame of frames) {
    if (!isEvent(frame) || frame.s !== alias) continue;
    if (frame.t === 'delta') {
      const key = `${frame.turn}/${frame.kind ?? 'text'}`;
      if (key !== runKey) close();
      runKey = key;
      run += frame.text;
    } else {
      close();
      const { s: _alias, ...rest } = frame;
      lines.push(JSON.stringify(rest, Object.keys(rest).sort()));
    }
  }
  close();
  return lines;
}

/** The text of one turn, without what a restart dropped. */
export function textOf(frames: readonly DownFrame[], turn: string): string {
  return standing(frames.filter(isEvent).filter((event) => event.turn === turn))
    .map((event) => (event.t === 'delta' && event.kind === undefined ? event.text : ''))
    .join('');
}
