/**
 * The parts of a Messages stream that are read; every field may be missing or of another type, so all of them are
 * unknown until looked at. Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming and recorded streams.
 */
export interface MessageEvent {
  type?: unknown;
  index?: unknown;
  /** `message_start`. */
  message?: { usage?: unknown } | null;
  content_block?: ContentBlock | null;
  /** Of a block, or of the message in `message_delta`. */
  delta?: BlockDelta | null;
  /** `message_delta`. */
  usage?: unknown;
  error?: unknown;
}

export interface ContentBlock {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
  signature?: unknown;
  /** `redacted_thinking`. */
  data?: unknown;
  id?: unknown;
  name?: unknown;
  input?: unknown;
  citations?: unknown;
  /** What a tool of the provider found. */
  content?: unknown;
}

export interface BlockDelta {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
  signature?: unknown;
  partial_json?: unknown;
  citation?: unknown;
  stop_reason?: unknown;
}

/** The answer as one document. */
export interface WholeMessage extends MessageEvent {
  content?: unknown;
  stop_reason?: unknown;
}
