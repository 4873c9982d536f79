import type { ErrorCode } from '../../protocol/error-codes.ts';

/** What of a conversation is sent to a provider, oldest first; system text comes first and at most once. */
export type UpstreamMessage =
  | { role: 'system'; text: string }
  | { role: 'user'; content: string | readonly UpstreamPart[] }
  | {
      role: 'assistant';
      text: string;
      toolCalls?: readonly UpstreamToolCall[];
      /** What the provider said beside text and calls and wants back; for the wire it came from, others leave it out. */
      native?: NativeAnswer | undefined;
    }
  | { role: 'tool'; call: string; name: string; output: string };

/** A part of a user's input. `data` is base64 (RFC 4648, section 4); its bytes were checked to be of `mediaType`. */
export type UpstreamPart =
  | { type: 'text'; text: string }
  | { type: 'image'; mediaType: string; data: string; name?: string | undefined }
  /** An https address that the provider fetches; the gateway never does. */
  | { type: 'image'; url: string }
  | { type: 'audio'; mediaType: string; data: string; name?: string | undefined }
  | { type: 'file'; mediaType: string; data: string; name?: string | undefined };

/**
 * Opaque parts of an answer that belong into the next request of the same conversation: signed or encrypted reasoning,
 * thought signatures. `value` is plain JSON, made and read by the wire's own adapter alone.
 */
export interface NativeAnswer {
  wire: string;
  value: unknown;
}

/** Where an answer says that it found something. */
export interface UpstreamSource {
  url: string;
  title?: string | undefined;
}

export type ResponseFormat =
  | { type: 'text' }
  /** Some JSON value. */
  | { type: 'json' }
  | { type: 'json_schema'; name?: string | undefined; schema: Record<string, unknown> };

export type ToolChoice = 'auto' | 'none' | 'required' | { name: string };

/** `arguments` is the JSON text as the provider wrote it, already checked to parse. */
export interface UpstreamToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface ToolDefinition {
  name: string;
  description?: string | undefined;
  /** JSON schema of the arguments object. */
  parameters?: Record<string, unknown> | undefined;
}

/** Sampling parameters; absent ones are left to the provider. */
export interface UpstreamParams {
  temperature?: number | undefined;
  topP?: number | undefined;
  maxOutputTokens?: number | undefined;
  stop?: readonly string[] | undefined;
  seed?: number | undefined;
  frequencyPenalty?: number | undefined;
  presencePenalty?: number | undefined;
  /** `none`, `minimal`, `low`, `medium`, `high` or what the provider calls it. */
  reasoningEffort?: string | undefined;
  responseFormat?: ResponseFormat | undefined;
  toolChoice?: ToolChoice | undefined;
}

export interface UpstreamRequest {
  /** Turn id; sent along where the wire has a place for a client request id. */
  turn: string;
  model: string;
  messages: readonly UpstreamMessage[];
  params: UpstreamParams;
  tools?: readonly ToolDefinition[] | undefined;
  /** The last message is the beginning of the answer, with which the provider goes on; only where `acceptsPrefix`. */
  continuesAnswer?: boolean | undefined;
  /** The same for all turns of a conversation, and tells nothing of it: keeps them on one prompt cache. */
  cacheKey?: string | undefined;
  /** Instead of the upstream's own. */
  timeouts?: Partial<UpstreamTimeouts> | undefined;
}

/** Token counts as the provider reports them; `output` includes `reasoning`, `input` includes `cached` and `cacheWrite`. */
export interface UpstreamUsage {
  input: number;
  output: number;
  reasoning: number;
  /** Read from the provider's prompt cache. */
  cached: number;
  /** Written into it; absent where the provider does not say. */
  cacheWrite?: number | undefined;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'other';

/**
 * Receives one answer. Calls come in the order of the stream, synchronously, without a promise per token.
 * `onEnd` or `onError` comes at most once and ends the answer; after an abort neither is called.
 * `onClose` comes exactly once, last, when the connection to the provider is released.
 */
export interface UpstreamSink {
  /** The provider accepted the request (response head, status 2xx). */
  onOpen(requestId: string | undefined): void;
  onText(text: string): void;
  onReasoning(text: string): void;
  /** A piece of the arguments (or the name) of a call that is still being written: to be counted, not shown. */
  onToolCallDelta(text: string): void;
  onToolCall(call: UpstreamToolCall): void;
  /** A citation; each address may come once or more often. */
  onSource?(source: UpstreamSource): void;
  /** Before `onEnd`, at most once. */
  onNative?(value: unknown): void;
  onUsage(usage: UpstreamUsage): void;
  onEnd(finish: FinishReason, rawFinish: string | undefined): void;
  onError(error: UpstreamError): void;
  onClose(): void;
}

/** A configured provider endpoint. `stream` never throws; failures reach `sink.onError`. */
export interface Upstream {
  readonly name: string;
  readonly wire: string;
  /** Models this upstream offers by name; empty means that any name is passed through. */
  readonly models: readonly string[];
  readonly defaultModel: string;
  /** Whether an answer that was cut off can be gone on with; absent: no. */
  readonly acceptsPrefix?: boolean | undefined;
  stream(request: UpstreamRequest, sink: UpstreamSink, signal: AbortSignal): void;
  /** Asks the provider whether it is there; rejects with `UpstreamError` where it is not, or when `signal` aborts. */
  check?(signal: AbortSignal): Promise<void>;
  /** Makes connections ahead of the first answer, where that is configured. Repeating it is harmless. */
  warm?(onFailure: (error: UpstreamError) => void): void;
  close(): Promise<void>;
}

/** Bounds of silence and size for one answer; all times in milliseconds. */
export interface UpstreamTimeouts {
  connectMs: number;
  /** From sending the request to the first text, reasoning or tool piece. */
  firstTokenMs: number;
  /** Between two such pieces; comments and empty chunks do not count as life. */
  idleMs: number;
  totalMs: number;
}

export interface UpstreamErrorDetails {
  /** HTTP status of the answer, if there was one. */
  status?: number | undefined;
  /** From Retry-After, capped; milliseconds. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Why an answer failed. `message` is safe to show to a client: no host, key or provider internals. */
export class UpstreamError extends Error {
  readonly code: ErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: UpstreamErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'UpstreamError';
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}
