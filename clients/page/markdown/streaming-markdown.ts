import { BlockStream } from './block-stream.ts';
import { patchBlocks, type RenderedBlock } from './render-blocks.ts';

/**
 * Shows a growing Markdown text. Blocks that can no longer change are done for good: each frame costs what the block
 * being written costs, however long the answer is.
 */
export class StreamingMarkdown {
  readonly #container: HTMLElement;
  readonly #stream = new BlockStream();
  #rendered: RenderedBlock[] = [];
  #dirty = false;

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  append(text: string): void {
    this.#stream.append(text);
    this.#dirty = true;
  }

  render(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const { blocks, settled } = this.#stream.read();
    this.#rendered = patchBlocks(this.#container, this.#rendered, blocks).slice(settled);
  }
}
