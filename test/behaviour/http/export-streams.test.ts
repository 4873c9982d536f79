import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../../src/store/embedded/embedded-store.ts';
import { RawClient } from '../../support/raw-client.ts';
import { answerWith, createScriptedUpstream } from '../../support/scripted-upstream.ts';
import { newTurnId, startTestGateway, temporaryDirectory } from '../../support/test-gateway.ts';

const request = 'GET /v1/sessions/long/export HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

describe.each(['uws', 'ws'] as const)('an export, transport %s', (transport) => {
  /** A session whose store goes on without end, and counts what is read of it. */
  async function start() {
    const inner = openEmbeddedStore({ directory: temporaryDirectory() });
    const counts = { pages: 0, fails: false, endless: true };
    const store: typeof inner = {
      ...inner,
      async readEntries(key, _from, limit) {
        counts.pages++;
        if (counts.fails) throw new Error('a fault in the middle');
        const entries = await inner.readEntries(key, 0, limit);
        return counts.endless ? Array.from({ length: limit }, () => entries[0]!) : entries;
      },
    };
    const upstream = createScriptedUpstream(answerWith(['x'.repeat(60_000)]));
    const gateway = await startTestGateway({ transport, store, upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'long', create: {} });
    client.send({ t: 'turn', s: 0, id: newTurnId(), input: 'a' });
    await client.next('turn.ended');
    counts.pages = 0;
    return { gateway, counts, client };
  }

  async function open(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => {});
    return socket;
  }

  test('is not read further than its client takes it, and not at all when that is gone', async () => {
    const { gateway, counts } = await start();
    const socket = await open(gateway.port);
    socket.pause();
    socket.write(request);
    let before = -1;
    // the buffers of the system are full when nothing is read any more
    await expect
      .poll(
        () => {
          const isStill = counts.pages > 0 && counts.pages === before;
          before = counts.pages;
          return isStill;
        },
        { interval: 500 },
      )
      .toBe(true);
    expect(counts.pages).toBeLessThan(60);
    const stoodAt = counts.pages;
    socket.resume();
    await expect.poll(() => counts.pages).toBeGreaterThan(stoodAt + 5);
    socket.destroy();
    before = -1;
    await expect
      .poll(
        () => {
          const isStill = counts.pages === before;
          before = counts.pages;
          return isStill;
        },
        { interval: 500 },
      )
      .toBe(true);
  });

  test('that fails in the middle is cut, so that nobody takes it for whole', async () => {
    const { gateway, counts } = await start();
    const socket = await open(gateway.port);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      counts.fails = true;
    });
    socket.write(request);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(text).not.toContain('"requestId"');
  });

  test('of a session that is erased meanwhile is cut as well', async () => {
    const { gateway, counts, client } = await start();
    const socket = await open(gateway.port);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.pause();
    socket.write(request);
    await expect.poll(() => counts.pages).toBeGreaterThan(2);
    client.send({ t: 'delete', ref: 2, s: 0 });
    await client.next('deleted');
    counts.endless = false;
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  });
});
