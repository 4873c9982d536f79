import { bytesText, numberText, timeText } from '../text.ts';
import type { CostModel } from './cost-model.ts';
import type { Demand, Room, Size } from './plan-size.ts';

/** A size for a terminal, with what it was computed from. */
export function sizingText(model: CostModel, demand: Demand, room: Room, size: Size): string {
  const { sockets, streams, tokensPerSecond, turnsPerSecond } = demand;
  const costs = size.store === 'redis' ? model.redis! : model.embedded;
  const { measured } = model;
  const lines = [
    `${numberText(sockets)} sockets, ${numberText(streams)} of them streaming ${numberText(tokensPerSecond)} tokens/s each, ${numberText(turnsPerSecond)} turns/s:`,
    `  ${numberText(size.processes)} process${size.processes === 1 ? '' : 'es'} with the ${size.store} store${size.processes === 1 ? '' : `, by ${size.limitedBy}`}, ${numberText(size.cpuCores)} cores in use, ${bytesText(size.memoryBytes)} of memory`,
    ...(size.redis === undefined
      ? []
      : [
          `  Redis: ${numberText(size.redis.commandsPerSecond)} commands/s, ${numberText(size.redis.cpuCores)} cores in use, ${size.redis.servers} server${size.redis.servers === 1 ? '' : 's'}`,
        ]),
    `by ${timeText(costs.cpuSecondsPerToken * 1_000)} of CPU per token, ${timeText(costs.cpuSecondsPerTurn * 1_000)} per turn, ${timeText(model.socket.cpuCores * 1_000)} per second and socket, ${bytesText(model.socket.memoryBytes)} per socket,`,
    `${numberText(room.openFiles)} open files per process and ${numberText(room.headroom * 100)} % of both left free; a process was measured with up to ${numberText(measured.sockets)} sockets and ${numberText(measured.streams)} streams.`,
  ];
  return `${lines.join('\n')}\n`;
}
