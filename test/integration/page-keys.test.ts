import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { answerOf, newProfile } from '../support/page-chat.ts';
import { startTestGateway } from '../support/test-gateway.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

const key = 'a-key-of-more-than-twenty-letters';
const practice = { name: 'practice', wire: 'practice', tokensPerSecond: 0, firstTokenMs: 0 } as const;
const startClosed = (quotas: object = {}) =>
  startTestGateway({ upstreams: [practice], auth: { keys: [{ name: 'ann', key }] }, quotas });

it('asks for a key where one is needed, says that one is refused, and keeps it in the tab where that is wished', async () => {
  const gateway = await startClosed();
  const context = await newProfile(browser);
  const page = await context.newPage();
  await page.goto(gateway.url);
  const dialog = page.getByRole('dialog', { name: 'This gateway asks for a key' });
  await dialog.waitFor();
  const field = dialog.getByLabel('Key', { exact: true });
  expect(await field.getAttribute('type')).toBe('password');
  await expect.poll(() => field.evaluate((node) => node === document.activeElement)).toBe(true);
  expect(await dialog.getByRole('alert').isVisible()).toBe(false);

  // by the keyboard alone
  await page.keyboard.type('wrong-key');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('This key is wrong, expired or revoked.').waitFor();
  expect(await field.inputValue()).toBe('');
  expect(await field.getAttribute('aria-invalid')).toBe('true');
  if (process.env['PARLEY_SCREENSHOTS'])
    await page.screenshot({ path: `${process.env['PARLEY_SCREENSHOTS']}/key.png` });
  await page.keyboard.type(key);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.locator('#connection[data-state="live"]').waitFor();
  expect(await dialog.isVisible()).toBe(false);
  await page.getByLabel('Message', { exact: true }).fill('/echo It works.');
  await page.keyboard.press('Enter');
  await answerOf(page.locator('.turn').first()).getByText('It works.').waitFor();

  const kept = () =>
    page.evaluate(() => ({
      tab: JSON.stringify(Object.entries(sessionStorage)),
      browser: JSON.stringify(Object.entries(localStorage)) + document.cookie,
    }));
  expect((await kept()).tab).toContain(key);
  expect((await kept()).browser + page.url()).not.toContain(key);
  await page.reload();
  await page.locator('#connection[data-state="live"]').waitFor();

  // another tab is asked, and what it is given without the tick is not kept
  const other = await context.newPage();
  await other.goto(gateway.url);
  await other.getByLabel('Key', { exact: true }).fill(key);
  await other.getByRole('button', { name: 'Connect' }).click();
  await other.locator('#connection[data-state="live"]').waitFor();
  await other.reload();
  await other.getByRole('dialog', { name: 'This gateway asks for a key' }).waitFor();
  await other.keyboard.press('Escape');
  await other.getByText('The connection is closed:').waitFor();
});

it('says that a limit was reached, and when to try again', async () => {
  const gateway = await startClosed({ user: { turnsPerMinute: 1, outputTokensPerDay: 20 } });
  const page = await (await newProfile(browser)).newPage();
  await page.goto(gateway.url);
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.keyboard.press('Enter');
  await page.locator('#connection[data-state="live"]').waitFor();
  const say = async (text: string) => {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.keyboard.press('Enter');
  };
  await say('/long');
  const status = page.locator('.turn').first().locator('.turn-status');
  await expect
    .poll(() => status.textContent())
    .toMatch(/^Stopped: This user has used its output tokens of today; try again in \d+ (hour|minute|second)s?\.$/);
  await say('Hello');
  await expect
    .poll(() => page.locator('#notice-words').textContent())
    .toMatch(/^Not sent: This user has .*; try again in \d+ (hour|minute|second)s?\.$/);
  if (process.env['PARLEY_SCREENSHOTS'])
    await page.screenshot({ path: `${process.env['PARLEY_SCREENSHOTS']}/limit.png` });
});
