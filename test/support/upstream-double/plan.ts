import type { DoubleRequest } from './double-request.ts';

/** What the double does with one request. */
export type Plan = StreamPlan | BytesPlan | ForeverPlan | StatusPlan | HangPlan;

/** Decides per request; `index` counts the requests of the double from 0. */
export type PlanSource = Plan | readonly Plan[] | ((request: DoubleRequest, index: number) => Plan);

/** An answer of tokens that `tokenText(seed, turn, i)` determines, optionally with one fault. */
export interface StreamPlan {
  kind: 'stream';
  /** Default 1. */
  seed?: number;
  /** Default: the `x-client-request-id` of the request, else the number of its user messages. */
  turn?: string;
  /** Default 20; `max_tokens` of the request cuts it, with finish reason `length`. */
  tokens?: number;
  /** Tokens of reasoning before the text, of turn `<turn>/reasoning`. Default 0. */
  reasoningTokens?: number;
  /** Calls sent after the text, their arguments in pieces; the finish reason is then `tool_calls`. */
  toolCalls?: readonly { id: string; name: string; arguments: string }[];
  /** Before the first token, after the head. Default 0. */
  firstTokenMs?: number;
  /** Between tokens; 0 writes each token in a turn of the event loop of its own. Default 0. */
  intervalMs?: number;
  /** Tokens per write. Default 1. */
  tokensPerWrite?: number;
  /** Whether a usage chunk is sent. Default true. */
  usage?: boolean;
  finishReason?: string;
  /** Default LF. */
  lineEnding?: '\n' | '\r\n' | '\r';
  /** Begin with a byte order mark. */
  byteOrderMark?: boolean;
  headers?: Record<string, string>;
  fault?: StreamFault;
}

/** `afterTokens` counts text tokens that were sent whole. */
export type StreamFault =
  /** No head, ever. */
  | { kind: 'hangBeforeHead' }
  /** Silence after so many tokens (0: head alone). */
  | { kind: 'hang'; afterTokens: number }
  /** Nothing but comments, or empty chunks, from there on. */
  | { kind: 'commentsForEver'; afterTokens: number; intervalMs: number }
  | { kind: 'emptyChunksForEver'; afterTokens: number; intervalMs: number }
  /** Tokens without end, in the pace of the plan. */
  | { kind: 'neverEnds' }
  /** One delta of so many letters after so many tokens. */
  | { kind: 'hugeDelta'; afterTokens: number; letters: number }
  /** A line of so many bytes that never becomes JSON. */
  | { kind: 'hugeLine'; afterTokens: number; bytes: number }
  /** A clean end of the body without a finish reason and without [DONE]. */
  | { kind: 'truncate'; afterTokens: number }
  /** A clean end of the body inside a chunk. */
  | { kind: 'cutMidJson'; afterTokens: number }
  /** The TCP connection is reset. */
  | { kind: 'reset'; afterTokens: number }
  | { kind: 'malformedJson'; afterTokens: number }
  | { kind: 'twoObjectsInALine'; afterTokens: number }
  /** An error object inside the stream. */
  | { kind: 'errorEvent'; afterTokens: number; error: unknown }
  /** A finish reason, but no [DONE]. */
  | { kind: 'withoutDone' }
  /** Everything after [DONE] that comes to mind, and no end of the body. */
  | { kind: 'chatterAfterDone' }
  /** [DONE], and then the body stays open. */
  | { kind: 'openAfterDone' };

/** Fixed bytes, split at the given offsets. */
export interface BytesPlan {
  kind: 'bytes';
  bytes: Uint8Array | string;
  status?: number;
  headers?: Record<string, string>;
  /** Ascending offsets at which a new write begins. */
  splitAt?: readonly number[];
  /** Or writes of this size. */
  bytesPerWrite?: number;
  /** How the body ends. Default `end`. */
  ending?: 'end' | 'reset' | 'hang';
}

/** Bytes, and then a piece again and again until the client goes away; `tokensWritten` counts the pieces. */
export interface ForeverPlan {
  kind: 'forever';
  bytes: string;
  piece: string;
  /** Between two pieces; 0: a turn of the event loop. */
  intervalMs: number;
}

/** A refusal. */
export interface StatusPlan {
  kind: 'status';
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

/** Accepts the request and never says anything. */
export interface HangPlan {
  kind: 'hang';
}
