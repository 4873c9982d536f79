import type { Block } from './block.ts';
import { parseBlocks } from './parse-blocks.ts';

export interface OpenBlocks {
  blocks: Block[];
  /** Leading blocks that can no longer change; the next reading begins behind them. */
  settled: number;
}

/** Reads a growing Markdown text, each time only from the first block that may still change. */
export class BlockStream {
  #open = '';

  append(text: string): void {
    this.#open += text;
  }

  read(): OpenBlocks {
    const lines = this.#open.replaceAll('\r\n', '\n').split('\n');
    const blocks = parseBlocks(lines);
    // a line is judged by itself and the one below it (tables), and the last one is unfinished
    const lastJudged = lines.length - 3;
    const settled = Math.max(
      0,
      blocks.findLastIndex((block) => block.line <= lastJudged),
    );
    if (settled > 0) this.#open = lines.slice(blocks[settled]!.line).join('\n');
    return { blocks, settled };
  }
}
