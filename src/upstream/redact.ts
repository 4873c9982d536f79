const longestMessage = 300;
const shortestSecret = 6;

/**
 * What providers and proxies are known to quote: keys with a vendor's prefix (also half masked, as OpenAI does),
 * authorization schemes, key-value pairs, JSON web tokens, addresses, and any long run that mixes letters and digits.
 */
const secretPatterns: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(Bearer|Basic)\s+[^\s"',;]+/gi, '$1 [redacted]'],
  [/\b(?:https?|wss?):\/\/[^\s"'<>]+/gi, '[address]'],
  [/\b(?:sk|pk|rk|gsk|xai|pplx|hf|key|org|proj|AIza|ya29|nvapi|r8)[-_.][A-Za-z0-9*._-]{6,}/g, '[redacted]'],
  [/\bAIza[\w-]{10,}/g, '[redacted]'],
  [/\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, '[redacted]'],
  [/\b((?:api[-_ ]?key|token|secret|password|authorization)["']?\s*[:=]\s*["']?)[^\s"',;]+/gi, '$1[redacted]'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '[address]'],
  [/(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{32,}/g, '[redacted]'],
];

/**
 * A provider's own words, made fit to be shown to a client: one line, no control characters, nothing that looks like
 * a credential or an address, at most 300 characters.
 *
 * @param secrets values that this gateway sends along and that must never come back out
 */
export function redactProviderMessage(message: string, secrets: readonly string[] = []): string {
  // A message of megabytes is cut before the patterns run over it; what follows could not be shown anyway.
  let text = message.slice(0, longestMessage * 10);
  for (const secret of secrets) {
    if (secret.length >= shortestSecret) text = text.replaceAll(secret, '[redacted]');
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  text = text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  for (const [pattern, replacement] of secretPatterns) text = text.replace(pattern, replacement);
  if (text.length <= longestMessage) return text;
  return `${text.slice(0, longestMessage - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
