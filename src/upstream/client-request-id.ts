/** OpenAI logs this id with the request, so that both sides can talk about it: https://platform.openai.com/docs/api-reference/debugging-requests */
export function clientRequestId(turn: string): Record<string, string> {
  return /^[\x21-\x7e]{1,128}$/.test(turn) ? { 'x-client-request-id': turn } : {};
}
