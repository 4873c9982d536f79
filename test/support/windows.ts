import type { WindowMessage } from '../../protocol/frames/window.ts';
import type { UpstreamMessage } from '../../src/upstream/contract.ts';
import type { FrameOf, RawClient } from './raw-client.ts';
import type { ScriptedCall } from './scripted-upstream.ts';
import { newTurnId } from './test-gateway.ts';

let lastRef = 1_000;

/** All pages of the window of a turn. */
export async function askWindow(client: RawClient, turn: string, s = 0): Promise<FrameOf<'window'>> {
  let whole: FrameOf<'window'> | undefined;
  for (let skip: number | undefined; ; ) {
    const ref = lastRef++;
    client.send({ t: 'window', ref, s, turn, skip });
    const page = await client.next('window', (answer) => answer.ref === ref);
    whole = { ...page, messages: [...(whole?.messages ?? []), ...page.messages] };
    if (page.next === undefined) return whole;
    skip = page.next;
  }
}

/** Messages of an upstream call as `window` shows them, but for the turn they are of. */
export function shown(messages: readonly UpstreamMessage[]): WindowMessage[] {
  return messages.map((message) => {
    switch (message.role) {
      case 'system':
        return { role: 'system', text: message.text };
      case 'user':
        return { role: 'user', text: message.content as string };
      case 'assistant':
        return {
          role: 'assistant',
          text: message.text,
          calls: message.toolCalls?.map((call) => ({ call: call.id, name: call.name, arguments: call.arguments })),
        };
      case 'tool':
        return { role: 'tool', text: message.output, call: message.call, name: message.name };
    }
  });
}

export function withoutTurns(messages: readonly WindowMessage[]): WindowMessage[] {
  return messages.map(({ turn: _turn, ...message }) => message);
}

/** Pins or unpins a turn and waits for the answer. */
export async function pin(client: RawClient, turn: string, pinned: boolean, s = 0): Promise<void> {
  const ref = lastRef++;
  client.send({ t: 'pin', ref, s, turn, pinned });
  await client.next('pinned', (answer) => answer.ref === ref);
}

/** Sends a turn and waits for its end. */
export async function say(client: RawClient, input: string, s = 0): Promise<FrameOf<'turn.ended'>> {
  const id = newTurnId();
  client.send({ t: 'turn', s, id, input });
  return client.next('turn.ended', (ended) => ended.turn === id);
}

/** First calls of turns, by turn. */
export function firstCalls(calls: readonly ScriptedCall[]): Map<string, ScriptedCall> {
  const first = new Map<string, ScriptedCall>();
  for (const call of calls) if (!first.has(call.request.turn)) first.set(call.request.turn, call);
  return first;
}
