import type { DownFrame, EventFrame } from '../../protocol/down.ts';

const eventTypes = new Set(['turn.accepted', 'turn.routed', 'delta', 'tool.call', 'tool.result', 'turn.ended']);

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

/** The text of one turn. */
export function textOf(frames: readonly DownFrame[], turn: string): string {
  return frames
    .map((frame) => (frame.t === 'delta' && frame.turn === turn && frame.kind === undefined ? frame.text : ''))
    .join('');
}
