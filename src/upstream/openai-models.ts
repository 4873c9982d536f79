/** OpenAI's reasoning models: the o series and everything from GPT-5 on. */
const reasoningModel = /^(?:ft:)?(?:o\d|gpt-(?:[5-9]|\d\d))/;
/** The models of the chat product, which carry a number of the reasoning ones. */
const chatModel = /-chat(?:-|$)/;

/** Whether the model takes a bound for its output as `max_completion_tokens` alone. */
export function needsCompletionBound(model: string): boolean {
  return reasoningModel.test(model);
}

export function isReasoningModel(model: string): boolean {
  return reasoningModel.test(model) && !chatModel.test(model);
}
