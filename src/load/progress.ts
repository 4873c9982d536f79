import { errorRateOf, type RunCollector } from './collect-run.ts';
import { numberText, shareText, timeText } from './text.ts';

export interface Progress {
  /** A second is over. */
  tick(): void;
  end(): void;
}

const maxBarCells = 24;
/** A shorter bar says nothing. */
const minBarCells = 8;
/** Plain lines come so often in a run, each second at most. */
const plainLines = 20;
const usualColumns = 120;

/** Tells how a run goes: one line that is written over on a terminal, now and then a line elsewhere. */
export function createProgress(
  output: { isTTY?: boolean; columns?: number; write(text: string): unknown },
  collector: Pick<RunCollector, 'total' | 'timeline'>,
  totalSeconds: number,
): Progress {
  const every = Math.max(1, Math.round(totalSeconds / plainLines));
  let told = 0;

  /** The most important first: what does not fit a narrow terminal is left out. */
  function parts(): string[] {
    const last = collector.timeline.at(-1)!;
    const { total } = collector;
    const name = total.timings.firstToken.count > 0 ? 'firstToken' : 'connect';
    const timing = total.timings[name];
    const title = name === 'connect' ? 'connect' : 'first token';
    return [
      stage(last.second + 1, last.openSockets),
      `errors ${numberText(total.total('errors'))} (${shareText(errorRateOf(total))})`,
      ...(timing.count === 0
        ? []
        : [`${title} p50 ${timeText(timing.quantileMs(0.5))} p99 ${timeText(timing.quantileMs(0.99))}`]),
      `${numberText(last.turnsEnded)} turns/s`,
      `${numberText(last.openSockets)} sockets`,
      `${numberText(last.tokens)} tokens/s`,
    ];
  }

  function stage(done: number, openSockets: number): string {
    if (done <= totalSeconds) return `${done}/${Math.round(totalSeconds)} s`;
    return openSockets > 0 ? `${done} s, the last turns end` : `${done} s, sessions are erased`;
  }

  function terminalLine(): string {
    // the last column is left free: some terminals go on to the next line after it
    const room = (output.columns ?? usualColumns) - 1;
    let line = '';
    for (const part of parts()) {
      const longer = line === '' ? part : `${line}  ${part}`;
      if (longer.length <= room) line = longer;
    }
    const cells = Math.min(maxBarCells, room - line.length - 3);
    if (cells < minBarCells) return line.slice(0, Math.max(0, room));
    const done = Math.min(cells, Math.round(((collector.timeline.at(-1)!.second + 1) / totalSeconds) * cells));
    return `[${'█'.repeat(done)}${'·'.repeat(cells - done)}] ${line}`;
  }

  return {
    tick() {
      const done = collector.timeline.length;
      if (done === told) return;
      if (output.isTTY === true) output.write(`\r\u001b[K${terminalLine()}`);
      else if (done % every === 0 || done === 1) output.write(`${parts().join('  ')}\n`);
      told = done;
    },
    end() {
      if (output.isTTY === true && told > 0) output.write('\r\u001b[K');
    },
  };
}
