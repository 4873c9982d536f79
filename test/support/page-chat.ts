import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** The chat page in a tab, as a person uses it. */
export interface PageChat {
  readonly page: Page;
  readonly input: Locator;
  /** The turns, oldest first. */
  readonly turns: Locator;
  /** What went wrong: errors, CSP violations, requests to other origins. */
  readonly faults: string[];
  say(text: string): Promise<void>;
  /** Waits until no turn runs. */
  idle(): Promise<void>;
  live(): Promise<void>;
}

/** A browser profile of its own, gone at the end of the test. */
export async function newProfile(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 700 }, ...options });
  context.setDefaultTimeout(15_000);
  onTestFinished(() => context.close());
  return context;
}

export async function openChat(context: BrowserContext, url: string): Promise<PageChat> {
  const page = await context.newPage();
  const faults: string[] = [];
  const { host } = new URL(url);
  const seen = (address: string): void => {
    const { host: other, protocol } = new URL(address);
    if (protocol !== 'data:' && other !== host) faults.push(`request to ${address}`);
  };
  page.on('request', (request) => seen(request.url()));
  page.on('websocket', (socket) => seen(socket.url()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  await page.goto(url);
  const chat: PageChat = {
    page,
    input: page.getByLabel('Message', { exact: true }),
    turns: page.locator('.turn'),
    faults,
    async say(text) {
      await chat.input.fill(text);
      await chat.input.press('Enter');
      // the field is emptied once the message is on its way; before that no turn runs yet
      await page.locator('#input:placeholder-shown').waitFor();
    },
    async idle() {
      await page.locator('#log[aria-busy="false"]').waitFor();
    },
    async live() {
      await page.locator('#connection[data-state="live"]').waitFor();
    },
  };
  await chat.live();
  return chat;
}

/** The answer's text as it is on the page. */
export function answerOf(turn: Locator): Locator {
  return turn.locator('.said');
}
