import type { RunCollector } from './collect-run.ts';
import { numberText, shareText, timeText } from './text.ts';

export interface Progress {
  /** A second is over. */
  tick(): void;
  end(): void;
}

const barCells = 24;
/** Plain lines come so often in a run, each second at most. */
const plainLines = 20;

/** Tells how a run goes: one line that is written over on a terminal, now and then a line elsewhere. */
export function createProgress(
  output: { isTTY?: boolean; columns?: number; write(text: string): unknown },
  collector: Pick<RunCollector, 'total' | 'timeline'>,
  totalSeconds: number,
): Progress {
  const every = Math.max(1, Math.round(totalSeconds / plainLines));
  let told = 0;

  function line(withBar: boolean): string {
    const last = collector.timeline.at(-1)!;
    const done = last.second + 1;
    const { total } = collector;
    const cells = Math.min(barCells, Math.round((done / totalSeconds) * barCells));
    const timing = total.timings[total.timings.firstToken.count > 0 ? 'firstToken' : 'connect'];
    const begun = total.counts.turnsStarted + total.counts.connects;
    const parts = [
      `${done}/${Math.round(totalSeconds)} s`,
      `${numberText(last.openSockets)} sockets`,
      `${numberText(last.turnsEnded)} turns/s`,
      `${numberText(last.tokens)} tokens/s`,
      `errors ${numberText(total.total('errors'))} (${shareText(begun === 0 ? 0 : total.total('errors') / begun)})`,
      `${timing === total.timings.connect ? 'connect' : 'first token'} p50 ${timeText(timing.quantileMs(0.5))} p99 ${timeText(timing.quantileMs(0.99))}`,
    ];
    return `${withBar ? `[${'█'.repeat(cells)}${'·'.repeat(barCells - cells)}] ` : ''}${parts.join('  ')}`;
  }

  return {
    tick() {
      const done = collector.timeline.length;
      if (done === told) return;
      if (output.isTTY === true) output.write(`\r\u001b[K${line(true).slice(0, (output.columns ?? 120) - 1)}`);
      else if (done % every === 0 || done === 1) output.write(`${line(false)}\n`);
      told = done;
    },
    end() {
      if (output.isTTY === true && told > 0) output.write('\r\u001b[K');
    },
  };
}
