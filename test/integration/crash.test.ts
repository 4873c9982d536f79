import { describe, expect, test } from 'vitest';
import type { WindowMessage } from '../../protocol/frames/window.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { checkContiguous, isEvent, textOf, transcript } from '../support/assembled-text.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { newTurnId, temporaryDirectory } from '../support/test-gateway.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';
import { answerText } from '../support/upstream-double/token-text.ts';
import { askWindow } from '../support/windows.ts';

describe('a gateway killed with kill -9 in mid-stream', () => {
  test('loses and repeats no token; every turn ends interrupted with what clients saw', async () => {
    const double = await startUpstreamDouble({ plan: { kind: 'stream', seed: 7, tokens: 100_000, intervalMs: 1 } });
    const data = temporaryDirectory();
    const upstreams = [{ name: 'double', wire: 'openai-chat', baseUrl: double.url, defaultModel: 'gpt-4o' }] as const;
    const first = await startGatewayProcess({ data, upstreams: [...upstreams] });
    const sessions = 20;
    const client = await RawClient.connect(first.url);
    const epochs: string[] = [];
    const turns: string[] = [];
    for (let s = 0; s < sessions; s++) {
      epochs.push((await client.attach({ ref: s, s, session: `crash-${s}`, create: {} })).epoch);
      turns.push(newTurnId());
      client.send({ t: 'turn', s, id: turns[s]!, input: 'tell me' });
    }
    const queued = newTurnId();
    client.send({ t: 'turn', s: 0, id: queued, input: 'and then', onBusy: 'queue' });
    for (let s = 0; s < sessions; s++) await client.next('delta', (delta) => delta.s === s && delta.tokens > 20);
    first.kill('SIGKILL');
    await first.exited;
    await client.closed;
    const cursors = turns.map((_turn, s) => checkContiguous(client.frames, s, 0));
    expect(client.all('turn.ended')).toHaveLength(0);

    const second = await startGatewayProcess({ data, upstreams: [...upstreams] });
    expect(second.log()).toContain('"turns":21');
    const again = await RawClient.connect(second.url);
    for (let s = 0; s < sessions; s++) {
      const attached = await again.attach({ ref: s, s, session: `crash-${s}`, epoch: epochs[s]!, after: cursors[s]! });
      expect(attached).toMatchObject({ outcome: 'resumed', from: cursors[s], epoch: epochs[s] });
      expect(checkContiguous(again.frames, s, cursors[s]!)).toBe(attached.head);
      const all = [...client.frames, ...again.frames];
      const ends = all.filter((frame) => frame.t === 'turn.ended' && frame.turn === turns[s]);
      expect(ends).toMatchObject([{ status: 'interrupted', reason: 'node_lost' }]);
      const text = textOf(all, turns[s]!);
      expect(answerText(7, turns[s]!, 100_000).startsWith(text)).toBe(true);
      expect(text.length).toBeGreaterThan(0);
    }
    expect(again.all('turn.ended').filter((end) => end.turn === queued)).toMatchObject([{ status: 'interrupted' }]);

    // what the store holds is what clients saw
    again.send({ t: 'history', ref: 100, s: 0 });
    const { turns: finished } = await again.next('history');
    const finishedFirst = finished.find((turn) => turn.turn === turns[0])!;
    expect(finishedFirst.text).toBe(
      textOf(
        [...client.frames, ...again.frames].filter((frame) => !isEvent(frame) || frame.s === 0),
        turns[0]!,
      ),
    );
    const whole = await RawClient.connect(second.url);
    await whole.attach({ ref: 1, s: 0, session: 'crash-0' });
    expect(transcript(whole.frames, 0)).toEqual(transcript([...client.frames, ...again.frames], 0));

    // the turn ids are taken: sending them again starts nothing
    const calls = double.requests.length;
    again.send({ t: 'turn', ref: 101, s: 0, id: turns[0]!, input: 'tell me' } satisfies UpFrame);
    expect(await again.next('turn.state')).toMatchObject({ ref: 101, state: 'ended', status: 'interrupted' });
    expect(double.requests.length).toBe(calls);
    await double.close();
  });

  test('starts again and again on what it left, and a second process is refused', async () => {
    const data = temporaryDirectory();
    const upstreams = [{ name: 'practice', wire: 'practice', tokensPerSecond: 200, firstTokenMs: 0 }] as const;
    let cursor = 0;
    let epoch: string | undefined;
    const create = { settings: { system: 'Be brief.' } };
    const seen = [];
    const windows = new Map<string, WindowMessage[]>();
    for (let round = 0; round < 4; round++) {
      const gateway = await startGatewayProcess({ data, upstreams: [...upstreams] });
      await expect(startGatewayProcess({ data, upstreams: [...upstreams] })).rejects.toThrow(
        /in use by process \d+; stop it/,
      );
      const client = await RawClient.connect(gateway.url);
      const attached = await client.attach({ ref: 1, s: 0, session: 'again', create, epoch, after: cursor });
      epoch = attached.epoch;
      const turn = newTurnId();
      client.send({ t: 'turn', s: 0, id: turn, input: '/long' });
      await client.next('delta', (delta) => delta.tokens >= 5 + round);
      windows.set(turn, (await askWindow(client, turn)).messages);
      expect(windows.get(turn)).toHaveLength(2 + 2 * round);
      gateway.kill('SIGKILL');
      await gateway.exited;
      await client.closed;
      cursor = checkContiguous(client.frames, 0, attached.from);
      seen.push(...client.frames);
    }
    const gateway = await startGatewayProcess({ data, upstreams: [...upstreams] });
    const client = await RawClient.connect(gateway.url);
    await client.attach({ ref: 1, s: 0, session: 'again' });
    const ends = client.all('turn.ended');
    expect(ends.map((end) => end.status)).toEqual(['interrupted', 'interrupted', 'interrupted', 'interrupted']);
    const replayed = client.frames.filter((frame) => !isEvent(frame) || frame.pos < cursor);
    expect(transcript(replayed, 0).slice(0, -1)).toEqual(transcript(seen, 0).slice(0, -1));
    // and what was sent upstream is known of each, though its node is gone
    for (const [turn, messages] of windows) expect((await askWindow(client, turn)).messages).toEqual(messages);
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });
});
