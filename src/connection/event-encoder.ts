import type { DownFrame } from '../../protocol/down.ts';
import type { Codec } from '../../protocol/codec.ts';
import type { LogEvent } from '../session/log-event.ts';
import { packDelta } from './pack-delta.ts';

let lastEvent: LogEvent | undefined;
let lastAlias = -1;
let lastCodec: Codec | undefined;
let lastMessage: Uint8Array | string = '';

/**
 * Encodes an event for a socket. An event goes to all followers of its session one after another, mostly under the
 * same alias, so the last message is kept and encoded once.
 */
export function encodeEvent(codec: Codec, alias: number, event: LogEvent): Uint8Array | string {
  if (event === lastEvent && alias === lastAlias && codec === lastCodec) return lastMessage;
  const packed = event.t === 'delta' && codec.encoding === 'msgpack' ? packDelta(alias, event) : undefined;
  lastMessage = packed ?? codec.encode(frameOf(event, alias));
  lastEvent = event;
  lastAlias = alias;
  lastCodec = codec;
  return lastMessage;
}

function frameOf(event: LogEvent, alias: number): DownFrame {
  // one shape for the frame that is sent by far the most often
  if (event.t === 'delta' && event.kind === undefined) {
    return { t: 'delta', s: alias, pos: event.pos, turn: event.turn, text: event.text, tokens: event.tokens };
  }
  if (event.t === 'turn.routed') {
    const { t, sent: _sent, ...rest } = event;
    return { t, s: alias, ...rest };
  }
  if (event.t === 'tool.call') {
    const { t, native: _native, ...rest } = event;
    return { t, s: alias, ...rest };
  }
  const { t, ...rest } = event;
  return { t, s: alias, ...rest } as DownFrame;
}
