/**
 * The parts of a streamed GenerateContentResponse that are read; every field may be missing or of another type, so all
 * of them are unknown until looked at.
 * Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse and recorded streams.
 */
export interface GenerateContentChunk {
  candidates?: unknown;
  usageMetadata?: unknown;
  promptFeedback?: unknown;
  error?: unknown;
}

export interface Candidate {
  index?: unknown;
  content?: unknown;
  finishReason?: unknown;
  groundingMetadata?: unknown;
}

export interface ContentPart {
  text?: unknown;
  /** Whether the text is reasoning. */
  thought?: unknown;
  thoughtSignature?: unknown;
  functionCall?: unknown;
}

export interface FunctionCallPiece {
  id?: unknown;
  name?: unknown;
  args?: unknown;
  /** Arguments piece by piece. */
  partialArgs?: unknown;
  /** Further pieces of this call follow. */
  willContinue?: unknown;
}
