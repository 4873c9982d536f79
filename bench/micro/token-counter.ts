import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Tiktoken } from 'tiktoken/lite';
import type { OperationPair } from '../guard/measure-pair.ts';
import { createTokenCounter } from '../../src/tokens/token-counter.ts';

interface Measure {
  name: string;
  value: number;
  unit: string;
  baseline?: number;
  baselineName?: string;
  note?: string;
}

const ENCODING = 'o200k_base';
const STREAM_UNITS = 16_384;
const APPEND_UNITS = 16_384;
const RUN_UNITS = 65_536;
const ROUNDS = 15;

const ENGLISH =
  "The gateway keeps one session per conversation, and it's the session, not the socket, that owns the history. " +
  'When a client reconnects after 2.5 seconds, it says which position it saw last; everything after that position ' +
  "is replayed in order, so the reader doesn't notice the gap. “Nothing is lost,” the design promises.\n\n";
const CODE =
  'export function clamp(value: number, low: number, high: number): number {\n' +
  "  if (Number.isNaN(value)) throw new RangeError('not a number');\n" +
  '  return Math.min(Math.max(value, low), high);\n}\n\n' +
  'const totals = new Map<string, { count: number; bytes: number }>();\nfor (const [key, item] of totals) {\n' +
  '    item.count += 1; // 0x1F\n}\n';
const CHINESE =
  '网关为每一次对话保存一个会话,历史属于会话而不属于连接。客户端重新连接以后,只要说明最后看到的位置,' +
  '之后的内容就会按顺序重放,读者不会察觉中断。“什么都不会丢失”,这就是设计的承诺。共有12345个用户。\n';

const repeatTo = (units: number, text: string): string => text.repeat(Math.ceil(units / text.length)).slice(0, units);

/** Characters drawn by a fixed linear congruential sequence, the same on every run. */
function drawn(units: number, alphabet: string): string {
  let state = 1;
  let text = '';
  for (let at = 0; at < units; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += alphabet.charAt((state >>> 8) % alphabet.length);
  }
  return text;
}

const SHAPES: ReadonlyArray<readonly [name: string, text: string]> = [
  ['one letter', repeatTo(RUN_UNITS, 'a')],
  ['spaces', repeatTo(RUN_UNITS, ' ')],
  ['newlines', repeatTo(RUN_UNITS, '\n')],
  ['blanks and newlines', drawn(RUN_UNITS, '    \t\r\n')],
  ['joined emoji', repeatTo(RUN_UNITS, '👨‍👩‍👧‍👦')],
  [
    'Chinese without punctuation',
    drawn(RUN_UNITS, '的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得'),
  ],
  ['random letters', drawn(RUN_UNITS, 'abcdefghijklmnopqrstuvwxyz')],
  ['digits', drawn(RUN_UNITS, '0123456789')],
  ['base64', drawn(RUN_UNITS, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')],
  ['dashes', repeatTo(RUN_UNITS, '-')],
];

function loadTiktoken(): Tiktoken {
  const path = createRequire(import.meta.url).resolve(`tiktoken/encoders/${ENCODING}.json`);
  const file = JSON.parse(readFileSync(path, 'utf8')) as {
    bpe_ranks: string;
    special_tokens: Record<string, number>;
    pat_str: string;
  };
  return new Tiktoken(file.bpe_ranks, file.special_tokens, file.pat_str);
}

/** One token of the text per part, as providers stream it. */
function deltasOf(reference: Tiktoken, text: string): string[] {
  const decoder = new TextDecoder();
  const deltas: string[] = [];
  for (const token of reference.encode_ordinary(text)) {
    // A token that ends within a character comes out with the next one.
    const delta = decoder.decode(reference.decode(Uint32Array.of(token)), { stream: true });
    if (delta !== '') deltas.push(delta);
  }
  return deltas;
}

function medianMs(run: () => void): number {
  const timesMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedMs = performance.now();
    run();
    timesMs.push(performance.now() - startedMs);
  }
  return timesMs.sort((a, b) => a - b)[ROUNDS >> 1] as number;
}

/** What is streamed, one token at a time. */
const STREAMS: Readonly<Record<string, string>> = {
  'English prose': repeatTo(STREAM_UNITS, ENGLISH),
  code: repeatTo(STREAM_UNITS, CODE),
  Chinese: repeatTo(STREAM_UNITS, CHINESE),
};

/** For a profile: streams that text into counters for so long. */
export function streamFor(name: string, milliseconds: number): () => void {
  const reference = loadTiktoken();
  const deltas = deltasOf(reference, STREAMS[name]!);
  reference.free();
  return () => {
    for (const startedMs = performance.now(); performance.now() - startedMs < milliseconds; ) {
      const counter = createTokenCounter(ENCODING);
      for (const delta of deltas) counter.append(delta);
    }
  };
}

function benchStream(reference: Tiktoken, name: string, text: string): Measure[] {
  const deltas = deltasOf(reference, text);
  const perDeltaMicros = (run: () => void): number => (medianMs(run) * 1000) / deltas.length;
  const ours = perDeltaMicros(() => {
    const counter = createTokenCounter(ENCODING);
    for (const delta of deltas) counter.append(delta);
  });
  const separate = perDeltaMicros(() => {
    for (const delta of deltas) reference.encode_ordinary(delta);
  });
  const whole = perDeltaMicros(() => {
    reference.encode_ordinary(text);
  });
  const unit = 'µs/delta';
  return [
    {
      name: `${name}: append of one token`,
      value: ours,
      unit,
      baseline: separate,
      baselineName: 'tiktoken on each delta',
      note: 'the baseline is not exact: deltas encoded apart do not add up',
    },
    {
      name: `${name}: append of one token, against one whole encoding`,
      value: ours,
      unit,
      baseline: whole,
      baselineName: 'tiktoken on the whole text once, per token',
    },
  ];
}

/** For the guard: English prose in deltas of a token, beside tiktoken on the whole text. */
export function tokenCounterPair(): OperationPair {
  const reference = loadTiktoken();
  const text = repeatTo(STREAM_UNITS, ENGLISH);
  const deltas = deltasOf(reference, text);
  return {
    name: `token counter, ${deltas.length} deltas`,
    baselineName: 'tiktoken on the whole text',
    run(times) {
      for (let i = 0; i < times; i++) {
        const counter = createTokenCounter(ENCODING);
        for (const delta of deltas) counter.append(delta);
      }
    },
    baseline(times) {
      for (let i = 0; i < times; i++) reference.encode_ordinary(text);
    },
  };
}

function benchShape(name: string, text: string): Measure[] {
  let worstMs = 0;
  for (let round = 0; round < 3; round += 1) {
    const counter = createTokenCounter(ENCODING);
    for (let at = 0; at < text.length; at += APPEND_UNITS) {
      const startedMs = performance.now();
      counter.append(text.slice(at, at + APPEND_UNITS));
      worstMs = Math.max(worstMs, performance.now() - startedMs);
    }
  }
  const startedMs = performance.now();
  const counter = createTokenCounter(ENCODING);
  for (let at = 0; at < text.length; at += 1) counter.append(text.charAt(at));
  const streamedMs = performance.now() - startedMs;
  return [
    { name: `${name}: worst append of 16,384 units`, value: worstMs, unit: 'ms' },
    { name: `${name}: 65,536 units, one per append`, value: streamedMs, unit: 'ms' },
  ];
}

/** Token counting: cost per streamed delta beside tiktoken's own, and the longest block on shapes that defeat it. */
export async function benchTokenCounter(log: (line: string) => void): Promise<Measure[]> {
  const loadStartedMs = performance.now();
  createTokenCounter(ENCODING);
  const measures: Measure[] = [
    { name: `${ENCODING}: load`, value: performance.now() - loadStartedMs, unit: 'ms', note: 'once per process' },
  ];
  const reference = loadTiktoken();
  for (const [name, text] of Object.entries(STREAMS)) measures.push(...benchStream(reference, name, text));
  for (const [name, text] of SHAPES) measures.push(...benchShape(name, text));
  reference.free();
  for (const { name, value, unit, baseline, baselineName } of measures) {
    const beside = baseline === undefined ? '' : ` (${baselineName}: ${baseline.toFixed(3)})`;
    log(`${name}: ${value.toFixed(3)} ${unit}${beside}`);
  }
  return measures;
}
