import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { answerOf, newProfile, openChat } from '../support/page-chat.ts';
import { startTestGateway, temporaryDirectory } from '../support/test-gateway.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser.close());

const practice = (tokensPerSecond: number) => [
  { name: 'practice', wire: 'practice' as const, tokensPerSecond, firstTokenMs: 10 },
];

describe('conversations on the chat page', () => {
  it('goes on with the whole answer after a reload in the middle of it', async () => {
    const gateway = await startTestGateway({ upstreams: practice(300) });
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.say('/long');
    const answer = answerOf(chat.turns.first());
    await answer.locator('li').nth(2).waitFor();
    const before = await answer.locator('li').first().textContent();
    await chat.page.reload();
    await answer.locator('li').first().waitFor();
    expect(await answer.locator('li').first().textContent()).toBe(before);
    expect(await chat.page.locator('#log').getAttribute('aria-busy')).toBe('true');
    await chat.idle();
    expect(await answer.locator('li').count()).toBe(18);
    expect(await chat.turns.count()).toBe(1);
    await chat.turns.first().getByText('in total').waitFor();
    expect(chat.faults).toEqual([]);
  });

  it('keeps two tabs in step, and either of them can stop', async () => {
    const gateway = await startTestGateway({ upstreams: practice(60) });
    const context = await newProfile(browser);
    const first = await openChat(context, gateway.url);
    await first.say('/long');
    await answerOf(first.turns.first()).locator('li').first().waitFor();
    const second = await openChat(context, first.page.url());
    await first.page.getByText('2 tabs follow').waitFor();
    await answerOf(second.turns.first()).locator('li').nth(2).waitFor();
    await first.say('/echo waits');
    await second.turns.nth(1).getByText('Queued').waitFor();
    await second.page.reload();
    await second.turns.nth(1).getByText('Queued').waitFor();
    await second.page.getByRole('button', { name: 'Stop' }).click();
    for (const chat of [first, second]) await chat.turns.first().getByText('Stopped').waitFor();
    for (const chat of [first, second]) await chat.turns.nth(1).locator('.said', { hasText: 'waits' }).waitFor();
    expect(await answerOf(second.turns.first()).innerHTML()).toBe(await answerOf(first.turns.first()).innerHTML());

    await second.say('/echo from the second tab');
    await first.idle();
    await first.turns.nth(2).getByText('in total').waitFor();
    expect(await answerOf(first.turns.nth(2)).textContent()).toBe('from the second tab');
    await second.page.close();
    await first.page.getByText('2 tabs follow').waitFor({ state: 'hidden' });
    expect([...first.faults, ...second.faults]).toEqual([]);
  });

  it('lists conversations by their first message, most recent first, also after a reload', async () => {
    const gateway = await startTestGateway({ upstreams: practice(0) });
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    const titles = () => page.locator('#sessions a').allTextContents();
    await chat.say('/echo one');
    await chat.idle();
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('What would you like to talk about?').waitFor();
    await chat.say('/echo two');
    await chat.turns.getByText('in total').waitFor();
    expect(await titles()).toEqual(['/echo two', '/echo one']);

    await page.getByRole('link', { name: '/echo one' }).click();
    await chat.turns.locator('.said', { hasText: /^one$/ }).waitFor();
    expect(await page.locator('h1').textContent()).toBe('/echo one');
    await chat.say('/echo more');
    await chat.turns.nth(1).getByText('in total').waitFor();
    expect(await titles()).toEqual(['/echo one', '/echo two']);

    await page.getByRole('button', { name: 'Rename “/echo two”' }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Name', { exact: true }).fill('The second');
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.getByRole('link', { name: 'The second' }).waitFor();
    await page.reload();
    await chat.turns.nth(1).waitFor();
    expect(await titles()).toEqual(['/echo one', 'The second']);
    await page.goBack();
    await page.locator('h1', { hasText: 'The second' }).waitFor();
    await chat.turns.locator('.said', { hasText: /^two$/ }).waitFor();

    // another one than the one that is open
    await page.getByRole('button', { name: 'Delete “/echo one”' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('#delete-dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('link', { name: '/echo one' }).waitFor({ state: 'detached' });
    expect(await page.locator('h1').textContent()).toBe('The second');
    expect(chat.faults).toEqual([]);
  });

  it('erases a conversation on the gateway, for every tab', async () => {
    const gateway = await startTestGateway({ upstreams: practice(60) });
    const context = await newProfile(browser);
    const chat = await openChat(context, gateway.url);
    const { page } = chat;
    await chat.say('/long');
    await answerOf(chat.turns.first()).locator('li').first().waitFor();
    const address = page.url();
    const other = await openChat(context, address);
    await answerOf(other.turns.first()).locator('li').first().waitFor();
    await page.getByRole('button', { name: 'Delete “/long”' }).click();
    await page.locator('#delete-dialog').getByRole('button', { name: 'Delete' }).click();
    for (const tab of [chat, other]) {
      await tab.page.getByText('The conversation was deleted.').waitFor();
      expect(await tab.turns.count()).toBe(0);
      expect(await tab.page.locator('#sessions a').count()).toBe(0);
    }
    await expect.poll(() => gateway.stats()).toMatchObject({ sessions: 0, turns: 0 });
    await page.goto(address);
    await page.getByText('This conversation does not exist, or no longer.').waitFor();
    expect([...chat.faults, ...other.faults]).toEqual([]);
  });

  it('keeps settings with the conversation', async () => {
    const gateway = await startTestGateway({ upstreams: practice(0) });
    const chat = await openChat(await newProfile(browser), gateway.url);
    const { page } = chat;
    const openSettings = () => page.getByRole('button', { name: 'Settings of this conversation' }).click();
    // before the conversation exists: they go with its first message
    await openSettings();
    await page.getByLabel('System prompt').fill('Be brief.');
    await page.getByLabel('Tokens in the context window').fill('200');
    await page.getByRole('button', { name: 'Save' }).click();
    await chat.say('/echo one');
    await page.getByText(/of 200 tokens/).waitFor();
    await page.reload();
    await chat.turns.first().getByText('in total').waitFor();
    await openSettings();
    expect(await page.getByLabel('System prompt').inputValue()).toBe('Be brief.');
    await page.getByLabel('Tokens in the context window').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('#settings-dialog').waitFor({ state: 'hidden' });
    await chat.say('/echo two');
    await page.getByText(/of 32,768 tokens · 1 turn kept/).waitFor();
    expect(chat.faults).toEqual([]);
  });

  it('comes back by itself when the gateway restarts', async () => {
    const options = { data: temporaryDirectory() };
    const first = await startTestGateway({ ...options, upstreams: practice(40) });
    const chat = await openChat(await newProfile(browser), first.url);
    const { page } = chat;
    await chat.say('/long');
    await answerOf(chat.turns.first()).locator('li').first().waitFor();
    await first.close();
    await chat.turns.first().getByText('Interrupted: the gateway stopped').waitFor();
    await page.locator('#connection[data-state="offline"]').waitFor();
    // what is sent now waits for the connection
    await chat.say('/echo after the restart');
    await chat.turns.nth(1).getByText('Sending').waitFor();
    await startTestGateway({ ...options, upstreams: practice(0), port: first.port });
    await chat.live();
    await chat.turns.nth(1).getByText('in total').waitFor();
    expect(await answerOf(chat.turns.nth(1)).textContent()).toBe('after the restart');
    expect(await chat.turns.count()).toBe(2);
    // while there is no gateway the browser says so
    expect(chat.faults.filter((fault) => !fault.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
  });
});
