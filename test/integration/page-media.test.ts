import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { mediaSamples } from '../support/media-samples.ts';
import { answerOf, newProfile, openChat, type PageChat } from '../support/page-chat.ts';
import { samplePng } from '../support/sample-png.ts';
import { answerWith, createScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTestGateway } from '../support/test-gateway.ts';
import { connect } from '../../clients/node/index.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser.close());

const picture = samplePng(320, 200);
const file = (name: string, buffer: Buffer = picture) => ({ name, mimeType: 'image/png', buffer });
const upstreams = [{ name: 'practice', wire: 'practice' as const, tokensPerSecond: 0, firstTokenMs: 0 }];

const thumbnails = (chat: PageChat): Locator => chat.page.locator('#attachments img');
const pick = (chat: PageChat, ...files: ReturnType<typeof file>[]) => chat.page.locator('#picker').setInputFiles(files);

/** As a person pastes or drops files: the browser lets scripts make such events, with files in them. */
async function give(chat: PageChat, how: 'paste' | 'drop', name: string, text?: string): Promise<void> {
  await chat.page.evaluate(
    ([how, name, text, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type: 'image/png' }));
      if (text !== undefined) transfer.setData('text/plain', text);
      const options = { bubbles: true, cancelable: true };
      if (how === 'paste') {
        const event = new ClipboardEvent('paste', { ...options, clipboardData: transfer });
        document.getElementById('input')!.dispatchEvent(event);
      } else {
        for (const type of ['dragover', 'drop'])
          document.getElementById('log')!.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: transfer }));
      }
    },
    [how, name, text, picture.toString('base64')] as const,
  );
}

/** Widths of the pictures of a turn's question, as they were drawn. */
const widthsOf = (turn: Locator): Promise<number[]> =>
  turn.locator('.question img').evaluateAll(async (images) => {
    await Promise.all(images.map((image) => (image as HTMLImageElement).decode()));
    return images.map((image) => (image as HTMLImageElement).naturalWidth);
  });

describe('pictures on the chat page', () => {
  it('are picked, pasted, dropped and removed, sent with the text, and shown again after a reload and in a second tab', async () => {
    const gateway = await startTestGateway({ upstreams });
    const context = await newProfile(browser);
    const chat = await openChat(context, gateway.url);
    const { page } = chat;
    // by keyboard: the button is what comes before the field
    const chooser = page.waitForEvent('filechooser');
    await chat.input.press('Shift+Tab');
    await page.locator('#attach:focus').waitFor();
    await page.keyboard.press('Enter');
    await (await chooser).setFiles([file('one.png'), file('two.png')]);
    await thumbnails(chat).nth(1).waitFor();
    await page.getByRole('button', { name: 'Remove “one.png”' }).click();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Remove “two.png”');
    await give(chat, 'paste', 'pasted.png');
    await thumbnails(chat).nth(1).waitFor();
    // what was copied from a document is its text
    await give(chat, 'paste', 'of-a-table.png', 'a cell');
    await give(chat, 'drop', 'dropped.png');
    await thumbnails(chat).nth(2).waitFor();
    const names = ['two.png', 'pasted.png', 'dropped.png'];
    expect(
      await thumbnails(chat).evaluateAll((images) => images.map((image) => (image as HTMLImageElement).alt)),
    ).toEqual(names);
    await chat.say('What is this?');
    await chat.idle();
    expect(await thumbnails(chat).count()).toBe(0);
    const size = `${Math.round(picture.length / 1_000)} KB`;
    expect(await answerOf(chat.turns.first()).textContent()).toContain(`and a picture (image/png, ${size}). You said`);

    const second = await openChat(context, page.url());
    await page.reload();
    for (const { turns } of [chat, second]) {
      await turns.first().getByText('in total').waitFor();
      expect(await widthsOf(turns.first())).toEqual([320, 320, 320]);
      expect(await turns.first().locator('.question').textContent()).toBe('What is this?');
    }
    const client = await connect(gateway.url);
    const session = await client.session(new URL(page.url()).hash.slice(1));
    const { turns } = await session.history();
    expect(turns[0]!.input).toEqual([
      ...names.map((name) => ({ type: 'image', mediaType: 'image/png', data: picture.toString('base64'), name })),
      { type: 'text', text: 'What is this?' },
    ]);
    await client.close();
    expect([...chat.faults, ...second.faults]).toEqual([]);
  });

  it('are sent without a text, and name the conversation then', async () => {
    const gateway = await startTestGateway({ upstreams });
    const chat = await openChat(await newProfile(browser, { viewport: { width: 320, height: 600 } }), gateway.url);
    const { page } = chat;
    const send = page.getByRole('button', { name: 'Send' });
    expect(await send.isDisabled()).toBe(true);
    await pick(chat, file('sea.png', samplePng(900, 500)), file('sky.png'));
    await thumbnails(chat).nth(1).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await send.click();
    await chat.turns.first().getByText('in total').waitFor();
    expect(await widthsOf(chat.turns.first())).toEqual([900, 320]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    expect(await page.locator('h1').textContent()).toBe('sea.png, sky.png');
    expect(chat.faults).toEqual([]);
  });

  it('stay with the conversation they were added to', async () => {
    const gateway = await startTestGateway({ upstreams });
    const chat = await openChat(await newProfile(browser), gateway.url);
    await chat.say('/echo first');
    await chat.idle();
    await pick(chat, file('one.png'));
    await thumbnails(chat).first().waitFor();
    await chat.page.getByRole('button', { name: 'New chat' }).click();
    await thumbnails(chat).first().waitFor({ state: 'detached' });
    await chat.page.locator('#sessions a').click();
    await thumbnails(chat).first().waitFor();
    expect(chat.faults).toEqual([]);
  });

  it('that cannot be taken are told in one sentence, and the message stays as it was', async () => {
    const limits = { maxMediaBytes: Math.floor(picture.length * 1.5) };
    const gateway = await startTestGateway({ upstreams, limits });
    const chat = await openChat(await newProfile(browser), gateway.url);
    const alert = chat.page.getByRole('alert');
    await pick(chat, file('one.png'), file('two.png'));
    await alert.getByText(/^Not added: .* together, with “two\.png” they would have [\d.]+ KB\.$/).waitFor();
    await pick(chat, file('page.png', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')));
    await alert.getByText('Not added: “page.png” is not a picture of type PNG, JPEG, WebP or GIF.').waitFor();
    expect(await thumbnails(chat).count()).toBe(1);
    await chat.say('Only one.');
    await chat.idle();
    expect(await widthsOf(chat.turns.first())).toEqual([320]);
    expect(await alert.isVisible()).toBe(false);
    expect(chat.faults).toEqual([]);
  });

  it.each([
    ['the gateway', { maxInputBytes: 50 }],
    ['the client, which sees that the message is too large', { maxMessageBytes: picture.length + 2_100 }],
  ])('come back into the field with the text when %s refuses them', async (_who, limits) => {
    const gateway = await startTestGateway({ upstreams, limits });
    const chat = await openChat(await newProfile(browser), gateway.url);
    const text = 'word '.repeat(600).trim();
    await pick(chat, file('one.png'));
    await thumbnails(chat).first().waitFor();
    await chat.input.fill(text);
    await chat.input.press('Enter');
    await chat.page.getByRole('alert').getByText('Not sent').waitFor();
    await thumbnails(chat).first().waitFor();
    expect(await chat.input.inputValue()).toBe(text);
    expect(await chat.turns.count()).toBe(0);
    await chat.say('Short.');
    await chat.idle();
    expect(await widthsOf(chat.turns.first())).toEqual([320]);
    expect(chat.faults).toEqual([]);
  });

  it('that a browser cannot draw, and other media, are shown by name or type', async () => {
    const upstream = createScriptedUpstream(answerWith(['Seen.']));
    const gateway = await startTestGateway({ upstreamObjects: [upstream] });
    const client = await connect(gateway.url);
    const session = await client.session('media');
    const parts = mediaSamples.map(({ type, mediaType, bytes }) => ({ type, mediaType, data: bytes }));
    const named = { ...parts.at(-1)!, name: '<b>report</b>.pdf' };
    const byAddress = { type: 'image' as const, url: 'https://pictures.example/cat.png' };
    await session.send([...parts.slice(0, -1), named, byAddress, { type: 'text', text: 'All.' }]).done;
    const chat = await openChat(await newProfile(browser), `${gateway.url}/#media`);
    const question = chat.turns.first().locator('.question');
    const labels = question.locator('.media-label');
    await expect
      .poll(() => labels.allTextContents())
      .toEqual([
        ...mediaSamples.slice(1, -1).map(({ mediaType }) => mediaType),
        '<b>report</b>.pdf',
        'pictures.example',
      ]);
    expect(await widthsOf(chat.turns.first())).toEqual([1]);
    await client.close();
    expect(chat.faults).toEqual([]);
  });
});
