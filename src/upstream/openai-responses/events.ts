/**
 * The parts of a Responses stream that are read; every field may be missing or of another type, so all of them are
 * unknown until looked at.
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming and recorded streams.
 */
export interface ResponseEvent {
  type?: unknown;
  output_index?: unknown;
  item_id?: unknown;
  summary_index?: unknown;
  delta?: unknown;
  item?: unknown;
  annotation?: unknown;
  response?: unknown;
  error?: unknown;
}

export interface OutputItem {
  type?: unknown;
  id?: unknown;
  /** Of a message. */
  content?: unknown;
  phase?: unknown;
  /** Of reasoning. */
  summary?: unknown;
  encrypted_content?: unknown;
  /** Of a call. */
  call_id?: unknown;
  name?: unknown;
  arguments?: unknown;
  /** Of a call of a custom tool: plain text. */
  input?: unknown;
}

export interface WholeResponse {
  status?: unknown;
  output?: unknown;
  usage?: unknown;
  error?: unknown;
  incomplete_details?: unknown;
}
