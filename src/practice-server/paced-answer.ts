import type { ServerResponse } from 'node:http';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import { hashText, scramble } from '../lib/hash-text.ts';
import { type AnswerTokens, tokenTexts } from './answer-tokens.ts';
import { chunksOf, framed } from './chunks.ts';
import type { StreamFailure } from './failure-plan.ts';

/** When tokens are written. */
export interface Pace {
  /** 0: as fast as they go. */
  tokensPerSecond: number;
  firstTokenMs: number;
  /** Deviation of each token from its time, as a share of the time between two; of the first token likewise. */
  jitter: number;
}

/** One streamed answer. */
export interface AnswerPlan {
  requestId: string;
  model: string;
  tokens: AnswerTokens;
  tokenCount: number;
  finish: 'stop' | 'length';
  /** Of the text that the request began with. */
  prefix: string;
  pace: Pace;
  failure: { kind: StreamFailure; afterTokens: number } | undefined;
  usage: { promptTokens: number } | undefined;
}

/** Bytes that a reader may leave lying before writing stops for it. */
const maxWaitingBytes = 256 * 1024;
/** Tokens in one go where there is no pace. */
const burstTokens = 256;
const retryMs = 5;

/**
 * Writes one answer by the wheel: no promise and no timer per token. It writes to the socket itself, past the chunking of
 * `ServerResponse`, which costs more than all the rest.
 */
export class PacedAnswer {
  readonly #response: ServerResponse;
  readonly #plan: AnswerPlan;
  readonly #wheel: TimerWheel;
  readonly #now: () => number;
  readonly #chunks: ReturnType<typeof chunksOf>;
  readonly #startMs: number;
  readonly #intervalMs: number;
  readonly #noise: number;
  #index = 0;
  #isOver = false;
  /** Text tokens written so far. */
  written = 0;

  constructor(response: ServerResponse, plan: AnswerPlan, wheel: TimerWheel, now: () => number) {
    this.#response = response;
    this.#plan = plan;
    this.#wheel = wheel;
    this.#now = now;
    this.#chunks = chunksOf(plan.model);
    this.#noise = hashText(`${plan.requestId}|jitter`);
    const { tokensPerSecond, firstTokenMs, jitter } = plan.pace;
    this.#intervalMs = tokensPerSecond > 0 ? 1_000 / tokensPerSecond : 0;
    this.#startMs = now() + firstTokenMs * (1 + jitter * this.#deviation(0));
  }

  start(): void {
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' });
    this.#response.flushHeaders();
    this.#write(this.#chunks.role);
    this.#skipPrefix();
    this.#wheel.at(this.#startMs, this.#step);
  }

  /** The connection is gone. */
  stop(): void {
    this.#isOver = true;
  }

  readonly #step = (): void => {
    if (this.#isOver) return;
    const { socket } = this.#response;
    if (socket === null || socket.writableLength > maxWaitingBytes) {
      this.#wheel.at(this.#now() + retryMs, this.#step);
      return;
    }
    const now = this.#now();
    // several writes are one packet; a single one is cheaper by itself
    const isBurst = this.#index + 1 >= this.#plan.tokenCount || this.#dueMs(this.#index + 1) <= now;
    if (isBurst) socket.cork();
    let budget = burstTokens;
    while (!this.#isOver && this.#index < this.#plan.tokenCount && budget-- > 0) {
      if (this.#failHere()) break;
      this.#write(this.#chunks.tokens[this.#plan.tokens(this.#index)]!);
      this.#index++;
      this.written++;
      if (this.#dueMs(this.#index) > now) break;
    }
    if (!this.#isOver && this.#index >= this.#plan.tokenCount && !this.#failHere()) this.#end();
    if (isBurst) socket.uncork();
    if (!this.#isOver) this.#wheel.at(this.#dueMs(this.#index), this.#step);
  };

  #dueMs(index: number): number {
    if (this.#intervalMs === 0) return 0;
    const { jitter } = this.#plan.pace;
    const shift = jitter === 0 ? 0 : jitter * this.#deviation(index);
    return this.#startMs + (index + shift) * this.#intervalMs;
  }

  /** Between -1 and 1. */
  #deviation(index: number): number {
    return scramble(this.#noise + Math.imul(index, 0x9e3779b9)) / 2 ** 31 - 1;
  }

  #skipPrefix(): void {
    let { prefix } = this.#plan;
    while (prefix !== '' && this.#index < this.#plan.tokenCount) {
      const text = tokenTexts[this.#plan.tokens(this.#index)]!;
      if (prefix.startsWith(text)) prefix = prefix.slice(text.length);
      else if (text.startsWith(prefix)) {
        this.#write(this.#chunks.text(text.slice(prefix.length)));
        prefix = '';
        this.written++;
      } else return;
      this.#index++;
    }
  }

  /** Whether the answer is over with this. */
  #failHere(): boolean {
    const { failure } = this.#plan;
    if (failure === undefined || this.#index < failure.afterTokens) return false;
    this.#isOver = true;
    if (failure.kind === 'hang') return true;
    if (failure.kind === 'reset') {
      const { socket } = this.#response;
      // what was written leaves first
      this.#wheel.at(this.#now() + retryMs, () => socket?.resetAndDestroy());
      return true;
    }
    if (failure.kind === 'error') {
      const message = 'The server had an error while processing your request.';
      this.#write(framed(`data: ${JSON.stringify({ error: { message, type: 'server_error' } })}\n\n`));
    }
    if (failure.kind === 'malformed') this.#write(framed('data: {"choices":[{"delta":{"content":"\n\n'));
    this.#response.end();
    return true;
  }

  #end(): void {
    this.#isOver = true;
    this.#write(this.#chunks.finish(this.#plan.finish));
    const { usage } = this.#plan;
    if (usage !== undefined) this.#write(this.#chunks.usage(usage.promptTokens, this.written));
    this.#write(this.#chunks.done);
    this.#response.end();
  }

  #write(bytes: Buffer): void {
    this.#response.socket?.write(bytes);
  }
}
