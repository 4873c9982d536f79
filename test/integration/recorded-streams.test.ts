import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkContiguous } from '../support/assembled-text.ts';
import { RawClient } from '../support/raw-client.ts';
import { newTurnId, startTestGateway } from '../support/test-gateway.ts';
import { createWireUpstream, wireNames } from '../unit/upstream/support/wires.ts';
import { startUpstreamDouble } from '../support/upstream-double/start-upstream-double.ts';

interface Expectation {
  text: string;
  reasoning: string;
  tools: { name: string; input: string }[];
  finish: { unified: string };
  usage: { inputTokens: { total: number }; outputTokens: { total: number; reasoning?: number } };
}

// recordings of real providers, kept beside the project where there are any; the unit tests have small ones of their own
const folder = fileURLToPath(new URL('../../../shared/recorded-streams', import.meta.url));
const recordings = wireNames.flatMap((wire) =>
  (existsSync(`${folder}/${wire}`) ? readdirSync(`${folder}/${wire}`) : [])
    .filter((file) => file.endsWith('.sse'))
    .map((file) => ({ wire, name: file.slice(0, -'.sse'.length) })),
);
const timeouts = { connectMs: 5_000, firstTokenMs: 10_000, idleMs: 10_000, totalMs: 60_000 };
/** Splits per recording: all of them with the long flag, as many as fit the time otherwise. */
const splits = process.env.PARLEY_LONG ? Number.POSITIVE_INFINITY : 25;

if (recordings.length === 0)
  test.skip('there are no recorded streams beside the project: nothing to compare with', () => {});

describe.runIf(recordings.length > 0)('a recorded stream arrives at a client exactly as expected', () => {
  test.each(recordings)('$wire $name', { timeout: 600_000 }, async ({ wire, name }) => {
    const bytes = readFileSync(`${folder}/${wire}/${name}.sse`);
    const expected = JSON.parse(readFileSync(`${folder}/${wire}/${name}.expected.json`, 'utf8')) as Expectation;
    const double = await startUpstreamDouble();
    const upstream = createWireUpstream(wire, { name: 'double', baseUrl: double.url, timeouts });
    const gateway = await startTestGateway({ upstreamObjects: [upstream] });
    const client = await RawClient.connect(gateway.url);
    const headers = { 'content-type': 'text/event-stream' };
    const step = Math.max(1, Math.ceil(bytes.length / splits));
    const plans = [{ bytesPerWrite: bytes.length < 9_000 ? 1 : 37 }];
    for (let at = 1; at < bytes.length; at += step) plans.push({ splitAt: [at] } as never);
    for (const [i, plan] of plans.entries()) {
      double.setPlan({ kind: 'bytes', bytes, headers, ...plan });
      await client.attach({ ref: i, s: 0, create: {} });
      const turn = newTurnId();
      client.restart();
      client.send({ t: 'turn', s: 0, id: turn, input: 'x' });
      if (expected.tools.length > 0) {
        for (const tool of expected.tools) {
          const call = await client.next('tool.call', ({ name: called }) => called === tool.name);
          expect(JSON.parse(call.arguments)).toEqual(JSON.parse(tool.input));
        }
        client.send({ t: 'cancel', s: 0, turn });
      }
      const ended = await client.next('turn.ended');
      expect(ended.status).toBe(statusOf(expected));
      expect(ended.usage).toMatchObject({ input: expected.usage.inputTokens.total, source: 'provider' });
      const text = client
        .all('delta')
        .filter((delta) => delta.kind === undefined)
        .map((delta) => delta.text)
        .join('');
      const reasoning = client
        .all('delta')
        .filter((delta) => delta.kind === 'reasoning')
        .map((delta) => delta.text)
        .join('');
      expect({ text, reasoning }).toEqual({ text: expected.text, reasoning: expected.reasoning });
      checkContiguous(client.frames, 0, 0);
      client.send({ t: 'detach', s: 0 });
    }
    await double.close();
  });
});

/** How a turn ends whose provider stopped so; calls of tools are not answered here. */
function statusOf({ tools, finish }: Expectation): string {
  if (tools.length > 0) return 'cancelled';
  if (finish.unified === 'content-filter') return 'failed';
  return finish.unified === 'length' ? 'limited' : 'completed';
}
