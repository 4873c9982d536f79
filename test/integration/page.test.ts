import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Turn } from '../../clients/node/index.ts';
import { launchChromium } from '../support/chromium.ts';
import { answerOf, newProfile, openChat } from '../support/page-chat.ts';
import { startTestGateway } from '../support/test-gateway.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser.close());

const startPractice = (tokensPerSecond: number) =>
  startTestGateway({ upstreams: [{ name: 'practice', wire: 'practice', tokensPerSecond, firstTokenMs: 10 }] });

describe('the chat page', () => {
  it('shows an answer as it comes, its Markdown as elements, and what it cost', async () => {
    const gateway = await startPractice(60);
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    await page.getByText('No provider is configured').waitFor();
    await chat.say('/markdown');
    const turn = chat.turns.first();
    await turn.locator('.facts', { hasText: /^\d+ tokens$/ }).waitFor();
    await answerOf(turn).locator('strong', { hasText: 'bold' }).waitFor();
    expect(await page.locator('#log').getAttribute('aria-busy')).toBe('true');
    await chat.idle();

    const answer = answerOf(turn);
    expect(await answer.locator('h3, h4').allTextContents()).toEqual(['Markdown', 'A list', 'Code', 'A table']);
    expect(await answer.locator('ol > li').count()).toBe(3);
    expect(await answer.locator('ol > li ul > li').textContent()).toBe('with something below');
    expect(await answer.locator('pre code').textContent()).toContain("session.send('Hello')");
    expect(await answer.locator('tbody tr').count()).toBe(3);
    expect(await answer.locator('blockquote').textContent()).toBe('That is all.');
    const link = answer.locator('a');
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
    expect(await link.getAttribute('href')).toBe('https://www.markdownguide.org/');
    expect(await turn.locator('.facts').textContent()).toMatch(
      /\d+ in, \d+ out tokens.*provider.*first token after.*in total/,
    );
    expect(await page.locator('#window-words').textContent()).toMatch(/of 32,768 tokens · no earlier turns/);
    // said once, at the end
    expect(await page.locator('#announcer').textContent()).toMatch(/^Answer finished, \d+ tokens\. Markdown/);

    // what a reload gets in one piece looks like what came word by word
    const streamed = await answer.innerHTML();
    await page.reload();
    await answerOf(chat.turns.first()).locator('blockquote').waitFor();
    await chat.idle();
    expect(await answerOf(chat.turns.first()).innerHTML()).toBe(streamed);
    expect(await page.locator('#announcer').textContent()).toBe('');
    expect(chat.faults).toEqual([]);
  });

  it('keeps reasoning folded away, and shows tool calls with their results', async () => {
    const gateway = await startPractice(0);
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.say('/reason Why?');
    await chat.idle();
    const reasoning = chat.turns.first().locator('details.reasoning');
    expect(await reasoning.locator('.prose').isVisible()).toBe(false);
    await reasoning.locator('summary').click();
    expect(await reasoning.locator('.prose').textContent()).toContain('The user wants to see me think');

    // another client of the session gives it a tool and answers the calls
    const session = new URL(chat.page.url()).hash.slice(1);
    const client = await connect(gateway.url);
    const followed = await client.session(session, undefined, { replay: 'new' });
    await followed.update({
      tools: [{ name: 'weather', parameters: { type: 'object', properties: { town: { type: 'string' } } } }],
    });
    const answered = new Promise<Turn>((resolve) => followed.on('turn', resolve)).then(async (turn) => {
      for await (const part of turn) {
        if (part.type === 'tool-call') await turn.toolResult(part.call, { output: '<b>rain</b>' });
      }
    });
    await chat.say('/tool Oslo');
    const call = chat.turns.nth(1).locator('details.call');
    await call.getByText('answered').waitFor();
    await call.locator('summary').click();
    expect(await call.locator('pre').allTextContents()).toEqual(['{\n  "town": "Oslo"\n}', '<b>rain</b>']);
    await chat.idle();
    expect(await answerOf(chat.turns.nth(1)).textContent()).toContain('The tool weather answered');
    await answered;
    await client.close();
    expect(chat.faults).toEqual([]);
  });

  it('shows what is text as text, whatever it looks like', async () => {
    const gateway = await startPractice(0);
    const chat = await openChat(await newProfile(browser), gateway.url);
    const attack =
      '<img src=x onerror="window.hit=1"> <script>window.hit=1</script> **<b onclick=x>b</b>** [a](javascript:window.hit=1) ' +
      '[b](data:text/html,x) ![c](http://192.0.2.1/pixel.png) <iframe src="//192.0.2.1"></iframe> `<i>` <https://a.example/"onclick=1>';
    await chat.say(`/echo ${attack}`);
    await chat.idle();
    const turn = chat.turns.first();
    expect(await turn.locator('.question').textContent()).toBe(`/echo ${attack}`);
    const said = answerOf(turn);
    expect(await said.textContent()).toContain('<img src=x onerror="window.hit=1"> <script>window.hit=1</script>');
    expect(await said.textContent()).toContain('[a](javascript:window.hit=1)');
    expect(await said.locator('img, script, iframe, b, i, [onclick], [onerror]').count()).toBe(0);
    const targets = await said
      .locator('a')
      .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).protocol));
    expect(targets.every((protocol) => protocol === 'http:' || protocol === 'https:')).toBe(true);
    expect(await chat.page.evaluate('window.hit')).toBeUndefined();
    // the first message names the conversation: there, too
    expect(await chat.page.locator('#sessions a').first().textContent()).toContain('<img src=x');
    expect(chat.faults).toEqual([]);
  });

  it('stops an answer and queues what is sent meanwhile', async () => {
    const gateway = await startPractice(40);
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    await chat.say('/long');
    await answerOf(chat.turns.first()).locator('li').first().waitFor();
    await chat.say('/echo second');
    await chat.turns.nth(1).getByText('Queued: next').waitFor();
    await chat.say('/echo third');
    await chat.turns.nth(2).getByText('Remove from the queue').click();
    await chat.turns.nth(2).getByText('Stopped').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await chat.turns.first().getByText('Stopped').waitFor();
    await chat.idle();
    expect(await answerOf(chat.turns.nth(1)).textContent()).toBe('second');
    expect(await answerOf(chat.turns.nth(2)).count()).toBe(0);
    await expect.poll(() => gateway.stats().turns).toBe(0);
    expect(chat.faults).toEqual([]);
  });

  it('says why a turn failed and sends it again on request', async () => {
    const gateway = await startPractice(0);
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.say('/error');
    await chat.turns.first().getByText('Failed: The practice model failed, as it was asked to.').waitFor();
    await chat.turns.first().getByRole('button', { name: 'Try again' }).click();
    await chat.turns.nth(1).getByText('Failed').waitFor();
    expect(await chat.turns.nth(1).locator('.question').textContent()).toBe('/error');
    expect(chat.faults).toEqual([]);
  });

  it('keeps the text of a refused message', async () => {
    const gateway = await startTestGateway({
      upstreams: [{ name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 }],
      limits: { maxInputBytes: 50 },
    });
    const chat = await openChat(await newProfile(browser), gateway.url);
    const text = 'word '.repeat(20).trim();
    await chat.input.fill(text);
    await chat.input.press('Enter');
    await chat.page.getByRole('alert').getByText('Not sent').waitFor();
    expect(await chat.input.inputValue()).toBe(text);
    expect(await chat.turns.count()).toBe(0);
    expect(chat.faults).toEqual([]);
  });

  it('is used by the keyboard alone', async () => {
    const gateway = await startPractice(40);
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    const { keyboard } = page;
    const focused = () =>
      page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute('aria-label'));
    // the field has the focus from the start
    await keyboard.type('/long');
    await keyboard.press('Shift+Enter');
    await keyboard.type('second line');
    expect(await chat.input.inputValue()).toBe('/long\nsecond line');
    await keyboard.press('Enter');
    await answerOf(chat.turns.first()).locator('li').first().waitFor();
    await keyboard.press('Escape');
    await chat.turns.first().getByText('Stopped').waitFor();

    await page.getByRole('button', { name: 'Skip to the message field' }).focus();
    await keyboard.press('Enter');
    expect(await focused()).toBe('input');

    await page.locator('#sessions a').focus();
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await page.locator('#rename-dialog[open]').waitFor();
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type('By keyboard');
    await keyboard.press('Enter');
    await page.locator('h1', { hasText: 'By keyboard' }).waitFor();
    expect(await focused()).toBe('Rename “By keyboard”');

    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await page.locator('#delete-dialog[open]').waitFor();
    // Cancel has the focus: nothing is deleted by haste
    await keyboard.press('Enter');
    await page.locator('#delete-dialog').waitFor({ state: 'hidden' });
    expect(await page.locator('#sessions a').count()).toBe(1);
    expect(chat.faults).toEqual([]);
  });

  it('leaves Enter to an input method that is composing', async () => {
    const gateway = await startPractice(0);
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.input.fill('にほん');
    await chat.input.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true });
    expect(await chat.turns.count()).toBe(0);
    await chat.input.press('Enter');
    await chat.turns.first().waitFor();
    expect(chat.faults).toEqual([]);
  });

  it('follows the end only for a reader who is there', async () => {
    const gateway = await startPractice(300);
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    const toLatest = page.getByRole('button', { name: 'Jump to latest' });
    const distance = () =>
      page.locator('#scroller').evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight);
    await chat.say('/long');
    await answerOf(chat.turns.first()).locator('li').nth(5).waitFor();
    expect(await distance()).toBeLessThan(60);
    await page.locator('#scroller').hover();
    await page.mouse.wheel(0, -500);
    await toLatest.waitFor();
    await answerOf(chat.turns.first()).locator('li').nth(10).waitFor();
    expect(await distance()).toBeGreaterThan(300);
    await toLatest.click();
    await toLatest.waitFor({ state: 'hidden' });
    expect(await distance()).toBeLessThan(60);
    await chat.idle();
    expect(await distance()).toBeLessThan(60);
    expect(chat.faults).toEqual([]);
  });

  it('copies code and answers', async () => {
    const gateway = await startPractice(0);
    const context = await newProfile(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
    const chat = await openChat(context, gateway.url);
    await chat.say('/markdown');
    await chat.idle();
    await chat.page.getByRole('button', { name: 'Copy', exact: true }).click();
    await chat.page.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await chat.page.evaluate(() => navigator.clipboard.readText())).toMatch(
      /^const answer: string\[\] = \[\];\n.*\}$/s,
    );
    await chat.page.getByRole('button', { name: 'Copy answer' }).click();
    await expect.poll(() => chat.page.evaluate(() => navigator.clipboard.readText())).toContain('# Markdown');
    expect(chat.faults).toEqual([]);
  });

  it('is light or dark as the system says, or as the user says, and fits 320 pixels', async () => {
    const gateway = await startPractice(0);
    const context = await newProfile(browser, { viewport: { width: 320, height: 600 }, colorScheme: 'dark' });
    const chat = await openChat(context, gateway.url);
    const { page } = chat;
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    expect(light).not.toBe(dark);
    await chat.say('/markdown');
    await chat.idle();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);

    await page.getByRole('button', { name: 'Open the list of conversations' }).click();
    const theme = page.getByRole('button', { name: 'Theme' });
    await theme.click();
    await theme.click();
    expect(await theme.textContent()).toContain('Theme: dark');
    expect(await background()).toBe(dark);
    await page.reload();
    await chat.live();
    expect(await background()).toBe(dark);
    expect(chat.faults).toEqual([]);
  });
});
