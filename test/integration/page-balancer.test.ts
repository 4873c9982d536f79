import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { type Fleet, startFleet } from '../support/node-fleet.ts';
import { answerOf, newProfile, openChat, type PageChat } from '../support/page-chat.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { startTcpBalancer } from '../support/tcp-balancer.ts';
import { answerText } from '../support/upstream-double/token-text.ts';

const seed = Number(process.env.PARLEY_SEED ?? 1);
const tokens = 120;

let browser: Browser;
let redis: RedisServer;
beforeAll(async () => {
  [browser, redis] = await Promise.all([launchChromium(), startRedisServer()]);
});
afterAll(() => Promise.all([browser.close(), redis.stop()]));

/** Letters alone: what is said is Markdown, and the page shows lists and line breaks as elements. */
const lettersOf = (text: string): string => text.replaceAll(/[^\p{L}]/gu, '');

async function shown(chat: PageChat, turn: number): Promise<string> {
  return lettersOf((await answerOf(chat.turns.nth(turn)).textContent()) ?? '');
}

/** Ids of the session's turns and what the store has of them, oldest first. */
async function historyOf(node: GatewayProcess, chat: PageChat) {
  const client = await RawClient.connect(node.url);
  onTestFinished(() => client.close());
  await client.attach({ ref: 1, s: 0, session: new URL(chat.page.url()).hash.slice(1) });
  client.send({ t: 'history', ref: 2, s: 0 });
  return (await client.next('history')).turns.toReversed();
}

/** The node that has the page's socket: the turn that it sent in a session that was idle runs there. */
async function nodeOf(fleet: Fleet, chat: PageChat): Promise<GatewayProcess> {
  const key = `${fleet.prefix}:{default:${new URL(chat.page.url()).hash.slice(1)}}`;
  const owner = await fleet.admin.hget(key, 'owner');
  return fleet.nodes.find((node) => node.log().includes(`"node":"${owner}"`))!;
}

describe('the chat page behind a balancer, when the node it is on is killed in mid-answer', () => {
  test.each([
    ['continue', 'completed'],
    ['end', 'interrupted'],
  ] as const)('onCrash: %s: it goes on by itself without gap or repeat', async (onCrash, status) => {
    const fleet = await startFleet({ redis, seed, nodes: 2, tokens, intervalMs: 25, onCrash });
    const balancer = await startTcpBalancer(fleet.nodes.map(({ url }) => url));
    const chat = await openChat(await newProfile(browser), balancer.url);
    const { page } = chat;
    await chat.say('Say something long.');
    const answer = answerOf(chat.turns.first());
    await expect.poll(async () => (await answer.textContent())?.length ?? 0).toBeGreaterThan(150);
    const before = await shown(chat, 0);
    const node = await nodeOf(fleet, chat);
    const states: string[] = [];
    await page.exposeFunction('noteState', (state: string) => states.push(state));
    await page.evaluate(() => {
      const connection = document.getElementById('connection')!;
      const note = (): unknown =>
        (window as unknown as { noteState(state: string): unknown }).noteState(connection.dataset.state ?? '');
      new MutationObserver(note).observe(connection, { attributes: true, attributeFilter: ['data-state'] });
    });
    node.kill('SIGKILL');
    await node.exited;
    const other = fleet.nodes.find((candidate) => candidate !== node)!;
    await expect.poll(() => states.length).toBeGreaterThan(0);
    await chat.live();
    await chat.idle();
    const [turn] = await historyOf(other, chat);
    expect(turn).toMatchObject({ status });
    const truth = lettersOf(answerText(seed, turn!.turn, tokens));
    const text = await shown(chat, 0);
    expect(text).toBe(lettersOf(turn!.text));
    expect(status === 'completed' ? text : truth.slice(0, text.length)).toBe(status === 'completed' ? truth : text);
    expect(text.startsWith(before)).toBe(true);
    if (status === 'interrupted') await chat.turns.first().getByText('Interrupted').waitFor();

    // and it is used on
    fleet.hurry();
    await chat.say('And now?');
    await chat.turns.nth(1).locator('.facts', { hasText: 'in total' }).waitFor();
    await chat.idle();
    const turns = await historyOf(other, chat);
    expect(turns.map((each) => each.status)).toEqual([status, 'completed']);
    expect(await shown(chat, 1)).toBe(lettersOf(answerText(seed, turns[1]!.turn, tokens)));
    if (process.env.PARLEY_SCREENSHOT)
      await page.screenshot({ path: `${process.env.PARLEY_SCREENSHOT}-${onCrash}.png` });
    expect(chat.faults.filter((fault) => !fault.includes('WebSocket connection'))).toEqual([]);
  });
});
