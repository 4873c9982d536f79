import type { Demand, Room } from './plan-size.ts';

/** What is taken for granted where nothing else is said: people who chat, and read what they get. */
export const assumptions = { streamingShare: 0.05, tokensPerSecond: 50, tokensPerAnswer: 200 };

export const assumedRoom: Room = { openFiles: 65_536, headroom: 0.5 };

export function assumedDemand(sockets: number, changed: Partial<typeof assumptions> = {}): Demand {
  const { streamingShare, tokensPerSecond, tokensPerAnswer } = { ...assumptions, ...changed };
  const streams = sockets * streamingShare;
  return { sockets, streams, tokensPerSecond, turnsPerSecond: (streams * tokensPerSecond) / tokensPerAnswer };
}
