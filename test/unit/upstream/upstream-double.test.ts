import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startUpstreamDouble, type UpstreamDouble } from '../../support/upstream-double/start-upstream-double.ts';
import { answerText, tokenText } from '../../support/upstream-double/token-text.ts';

let double: UpstreamDouble;
beforeEach(async () => {
  double = await startUpstreamDouble();
});
afterEach(() => double.close());

function post(body: unknown = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${double.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { authorization: 'Bearer sk-secret' },
    ...(signal === undefined ? {} : { signal }),
  });
}

describe('the upstream double', () => {
  it('says what seed, turn and index determine, and nothing else', () => {
    expect(answerText(1, 'a', 30)).toBe(answerText(1, 'a', 30));
    expect(answerText(1, 'a', 30)).not.toBe(answerText(2, 'a', 30));
    expect(answerText(1, 'a', 30)).not.toBe(answerText(1, 'b', 30));
    expect(Array.from({ length: 30 }, (_, index) => tokenText(1, 'a', index)).join('')).toBe(answerText(1, 'a', 30));
    const long = answerText(1, 'a', 2000);
    expect([long.includes('🙂'), long.includes('東京'), long.includes('\n')]).toEqual([true, true, true]);
  });

  it('records requests without their secrets', async () => {
    const body = { model: 'm', max_tokens: 3, messages: [{ role: 'user', content: 'a b' }] };
    const text = await (await post(body)).text();
    const request = await double.request(0);
    await request.closed;
    expect(request.body).toEqual(body);
    expect(JSON.stringify(request)).not.toContain('sk-secret');
    expect([request.path, request.tokensWritten, request.closedByClient]).toEqual(['/v1/chat/completions', 3, false]);
    expect(text).toContain('"finish_reason":"length"');
    expect(text).toContain('"prompt_tokens":2,"completion_tokens":3');
  });

  it('notices a client that goes away', async () => {
    double.setPlan({ kind: 'stream', fault: { kind: 'hang', afterTokens: 1 } });
    const controller = new AbortController();
    const response = await post({}, controller.signal);
    controller.abort();
    await expect(response.text()).rejects.toThrow();
    const request = await double.request(0);
    await request.closed;
    expect(request.closedByClient).toBe(true);
  });

  it('uses a list of plans up, and repeats its last', async () => {
    double.setPlan([
      { kind: 'status', status: 503 },
      { kind: 'status', status: 200, body: '{}' },
    ]);
    const statuses = [];
    for (let turn = 0; turn < 3; turn += 1) statuses.push((await post()).status);
    expect(statuses).toEqual([503, 200, 200]);
  });
});
