import { createParser } from 'eventsource-parser';
import { Pool } from 'undici';

export type StreamText = (input: string, signal: AbortSignal, onText: (text: string) => void) => Promise<void>;

/** The upstream's half of the bare proxies: undici, each event parsed, its text handed on. Resolves at the end, also of an abort. */
export function createTextStream(upstreamUrl: string): StreamText {
  const upstream = new URL(upstreamUrl);
  const pool = new Pool(upstream.origin, { connections: null, bodyTimeout: 0, headersTimeout: 0 });
  return async (input, signal, onText) => {
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent({ data }) {
        if (data === '[DONE]') return;
        const text = (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content;
        if (text !== undefined) onText(text);
      },
    });
    try {
      const { body } = await pool.request({
        path: `${upstream.pathname}/chat/completions`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content: input }] }),
        signal,
      });
      await new Promise<void>((resolve, reject) => {
        body.on('data', (chunk: Buffer) => parser.feed(decoder.decode(chunk, { stream: true })));
        body.on('end', resolve);
        body.on('error', reject);
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
}

/** The running answers of one connection, by turn. */
export class RunningTurns {
  readonly #running = new Map<string, AbortController>();

  start(turn: string, run: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    this.#running.set(turn, controller);
    void run(controller.signal).finally(() => this.#running.delete(turn));
  }

  cancel(turn: string): void {
    this.#running.get(turn)?.abort();
  }

  cancelAll(): void {
    for (const controller of this.#running.values()) controller.abort();
  }
}
