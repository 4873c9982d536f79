import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UpstreamError } from '../../src/upstream/contract.ts';
import { launchChromium } from '../support/chromium.ts';
import { answerOf, newProfile, openChat } from '../support/page-chat.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway } from '../support/test-gateway.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser.close());

describe('an answer on the chat page', () => {
  it('that breaks and begins anew elsewhere stands alone, also after a reload', async () => {
    const first = createScriptedUpstream(undefined, 'first');
    const second = createScriptedUpstream(undefined, 'second');
    const gateway = await startTestGateway({
      upstreamObjects: [first, second],
      routes: [{ name: 'all', model: 'first', fallback: ['second'], onBreak: 'restart', retry: { attempts: 0 } }],
    });
    const context = await newProfile(browser);
    const chat = await openChat(context, gateway.url);
    await chat.say('Tell me.');
    const turn = chat.turns.first();
    const broken = await first.nextCall();
    broken.sink.onOpen('1');
    broken.sink.onReasoning('A thought that goes.');
    broken.sink.onText('Words that **will** go.\n\n- and a list');
    await answerOf(turn).locator('li').waitFor();
    broken.sink.onError(new UpstreamError('upstream_truncated', 'It broke.'));
    broken.sink.onClose();

    const whole = await second.nextCall();
    whole.sink.onOpen('2');
    await answerOf(turn).waitFor({ state: 'detached' });
    await turn.getByText('Beginning anew').or(turn.getByText('Waiting for the model')).waitFor();
    whole.sink.onText('Words that ');
    await answerOf(turn).waitFor();
    const late = await openChat(context, chat.page.url());
    await answerOf(late.turns.first()).getByText('Words that').waitFor();
    whole.sink.onText('stay.');
    whole.sink.onEnd('stop', 'stop');
    whole.sink.onClose();
    await chat.idle();
    await late.idle();
    for (const { turns } of [chat, late]) {
      await turns.first().getByText('in total').waitFor();
      expect(await turns.first().locator('.answer').innerText()).toBe('Words that stay.');
    }
    const streamed = await turn.locator('.answer').innerHTML();
    await chat.page.reload();
    await turn.getByText('in total').waitFor();
    expect(await turn.locator('.answer').innerHTML()).toBe(streamed);
    expect([...chat.faults, ...late.faults]).toEqual([]);
  });

  it('lists its sources as links of the web alone, before and after a reload', async () => {
    const upstream = createScriptedUpstream((call) => {
      call.sink.onSource?.({ url: 'https://example.com/a?b=1', title: 'An <i>example</i>' });
      call.sink.onSource?.({ url: 'http://plain.example/' });
      call.sink.onSource?.({ url: 'javascript:window.hit=1', title: 'A trap' });
      call.sink.onSource?.({ url: 'data:text/html,x' });
      answerWith(['As others say.'])(call);
    });
    const gateway = await startTestGateway({ upstreamObjects: [upstream] });
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.say('Who says so?');
    const links = chat.page.getByRole('navigation', { name: 'Sources' }).locator('a');
    for (const reloads of [false, true]) {
      if (reloads) await chat.page.reload();
      await links.first().waitFor();
      expect(await links.allTextContents()).toEqual(['An <i>example</i>', 'plain.example']);
      expect(await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')))).toEqual([
        'https://example.com/a?b=1',
        'http://plain.example/',
      ]);
      for (const rel of await links.evaluateAll((all) => all.map((link) => link.getAttribute('rel'))))
        expect(rel).toContain('noopener');
    }
    expect(chat.faults).toEqual([]);
  });
});
