import { describe, expect, it } from 'vitest';
import { classifyProviderFailure } from '../../../src/upstream/provider-failure.ts';
import { redactProviderMessage } from '../../../src/upstream/redact.ts';

describe('a refusal', () => {
  it.each<[number, unknown, string]>([
    [400, { error: { message: 'bad', type: 'invalid_request_error' } }, 'upstream_rejected'],
    [400, { error: { message: 'x', code: 'context_length_exceeded' } }, 'context_too_long'],
    [400, { error: { message: "This model's maximum context length is 8192 tokens. However" } }, 'context_too_long'],
    [400, { object: 'error', message: 'Input is too long: context window is 4096', code: 400 }, 'context_too_long'],
    [
      400,
      { error: { message: 'the request exceeds the available context size', type: 'exceed_context_size_error' } },
      'context_too_long',
    ],
    [
      400,
      { error: { code: 'content_filter', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      'content_refused',
    ],
    [400, { error: { code: 'content_policy_violation' } }, 'content_refused'],
    [400, { error: { code: 'insufficient_quota' } }, 'upstream_rate_limited'],
    [401, { error: { message: 'Incorrect API key provided: sk-abc***xyz' } }, 'upstream_unauthorized'],
    [402, { error: { message: 'Insufficient Balance' } }, 'upstream_rejected'],
    [403, {}, 'upstream_unauthorized'],
    [404, { error: { code: 'model_not_found', message: 'no' } }, 'model_not_found'],
    [404, { error: { message: 'model "x" not found, try pulling it first' } }, 'model_not_found'],
    [404, '<html>not found</html>', 'upstream_rejected'],
    [408, {}, 'upstream_timeout'],
    [413, '', 'context_too_long'],
    [422, { detail: 'nope' }, 'upstream_rejected'],
    [429, { error: { message: 'Reduce the length of the queue' } }, 'upstream_rate_limited'],
    [429, [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }], 'upstream_rate_limited'],
    [500, '', 'upstream_error'],
    [500, { error: { message: 'maximum context length of the cache' } }, 'upstream_error'],
    [502, '<html>', 'upstream_error'],
    [503, '', 'upstream_overloaded'],
    [529, { type: 'error', error: { type: 'overloaded_error' } }, 'upstream_overloaded'],
    [302, '', 'upstream_rejected'],
    [401, { type: 'error', error: { type: 'authentication_error' } }, 'upstream_unauthorized'],
    [404, { type: 'error', error: { type: 'not_found_error', message: 'model: claude-9' } }, 'model_not_found'],
    [413, { type: 'error', error: { type: 'request_too_large', message: 'x' } }, 'context_too_long'],
    [429, { type: 'error', error: { type: 'rate_limit_error' } }, 'upstream_rate_limited'],
    [
      400,
      { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 9' } },
      'context_too_long',
    ],
    [504, { type: 'error', error: { type: 'timeout_error', message: 'x' } }, 'upstream_timeout'],
    [400, { error: { code: 'invalid_prompt', message: 'flagged' } }, 'content_refused'],
    [400, { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'bad' } }, 'upstream_rejected'],
    [400, [{ error: { code: 400, details: [{ reason: 'API_KEY_INVALID' }] } }], 'upstream_unauthorized'],
    [403, { error: { code: 403, status: 'PERMISSION_DENIED' } }, 'upstream_unauthorized'],
    [404, { error: { code: 404, message: 'models/x is not found' } }, 'model_not_found'],
    [400, { error: { message: 'exceeds the maximum number of tokens allowed (8)' } }, 'context_too_long'],
    [503, { error: { code: 503, status: 'UNAVAILABLE' } }, 'upstream_overloaded'],
    [504, { error: { code: 504, status: 'DEADLINE_EXCEEDED' } }, 'upstream_timeout'],
  ])('%i %j becomes %s', (status, body, code) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const error = classifyProviderFailure({ status, body: text, retryAfterMs: 5 });
    expect([error.code, error.status, error.retryAfterMs]).toEqual([code, status, 5]);
  });

  it('quotes the provider only where the request is to blame, and never a web page', () => {
    const body = JSON.stringify({ error: { message: 'temperature must be at most 2' } });
    expect(classifyProviderFailure({ status: 400, body }).message).toBe(
      'The provider refused the request: temperature must be at most 2',
    );
    expect(classifyProviderFailure({ status: 500, body }).message).toBe('The provider failed.');
    expect(classifyProviderFailure({ status: 400, body: '<html>nginx</html>' }).message).toBe(
      'The provider refused the request.',
    );
  });
});

describe('a quoted message', () => {
  it.each([
    ['Incorrect API key: sk-proj-abcDEF123456', 'sk-proj'],
    ['key sk-abc***************wxyz is bad', 'wxyz'],
    ['header Authorization: Bearer abc.def-123 refused', 'abc.def'],
    ['used gsk_12345678901234567890', '12345678'],
    ['token=verysecretvalue', 'verysecretvalue'],
    ['{"api_key": "verysecretvalue"}', 'verysecretvalue'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abc', 'eyJ'],
    ['see https://internal.example:8443/admin?x=1', 'internal.example'],
    ['upstream 10.1.2.3:8000 said no', '10.1.2.3'],
    ['hash 0123456789abcdef0123456789abcdef', '0123456789abcdef'],
    ['the custom one is hunter2hunter2!', 'hunter2'],
  ])('%j loses what must not be shown', (message, secret) => {
    const shown = redactProviderMessage(message, ['hunter2hunter2!']);
    expect(shown).not.toContain(secret);
    expect(shown).not.toBe('');
  });

  it('keeps ordinary words', () => {
    const message =
      "Invalid 'messages[0].content': expected a string, got null. (param: tool_choice, gpt-4.1-nano-2025-04-14)";
    expect(redactProviderMessage(message)).toBe(message);
  });

  it('is one line of at most 300 characters', () => {
    const shown = redactProviderMessage(`a\n\tb\u0000${'🙂 x'.repeat(100_000)}`);
    expect(shown.startsWith('a b')).toBe(true);
    expect(shown.length).toBeLessThanOrEqual(300);
    expect(shown.isWellFormed()).toBe(true);
  });
});
