import { type CostModel, fitCosts } from '../../src/load/sizing/cost-model.ts';
import type { CurvesResult } from '../../src/load/sizing/curves.ts';
import { type Demand, planSize, type Size } from '../../src/load/sizing/plan-size.ts';
import { assumedDemand, assumptions, assumedRoom } from '../../src/load/sizing/assumptions.ts';
import { bytesText, numberText, shareText, timeText } from '../../src/load/text.ts';

const sizes = [1_000, 10_000, 100_000, 1_000_000];

/** The README's sizing guide, computed from a results file. */
export function sizingGuide(result: CurvesResult, fileName: string): string {
  const model = fitCosts(result);
  const { machine, windowTokens } = result;
  const { measured } = model;
  const { streamingShare, tokensPerSecond, tokensPerAnswer } = assumptions;
  const late = result.points.filter(({ warnings }) => warnings.length > 0).length;
  const perMinute = ((streamingShare * tokensPerSecond) / tokensPerAnswer) * 60;
  return `
| sockets | streaming | tokens/s | turns/s | cores in use | processes, by | memory | Redis commands/s, cores in use |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${sizes.map((sockets) => row(planSize(model, assumedDemand(sockets), assumedRoom), assumedDemand(sockets))).join('\n')}

Assumed: ${shareText(streamingShare)} of the sockets stream at once, ${numberText(tokensPerSecond)} tokens/s each, ${numberText(tokensPerAnswer)} tokens an answer (so ${numberText(perMinute)} turns per minute and
socket); one core per process, of which ${shareText(assumedRoom.headroom)} stay free for peaks and for the sockets of a node that is lost; ${numberText(assumedRoom.openFiles)} open files per
process, of which as many stay free. One process has the embedded store; several share a Redis, whose servers are
counted likewise. Another mix: \`npx parley bench sizing ${fileName} --sockets 50000 --streaming 2%\`.

Measured (${fileName}, ${machine.cpu}, ${machine.cores} cores shared with generator and upstream, Node ${machine.node.slice(1)}): one process with up to ${numberText(measured.sockets)}
sockets and ${numberText(measured.streams)} streams, sessions of up to ${numberText(Math.max(...result.points.filter(({ curve }) => curve === 'turns').map(({ at }) => at)))} turns, ${measured.nodes > 1 ? `one to ${measured.nodes} nodes on one Redis` : 'no Redis'}; answers came one token per write, ${numberText(windowTokens)} tokens
of a session went to the model.${late === 0 ? '' : ` In ${late} of ${result.points.length} points the machine was too busy for its generator, so costs are more than they need be.`} Extrapolated: the number of processes and nothing else, as no process is planned beyond what one was measured with.
That a Redis Cluster carries in its sum what one server carries was not measured, nor were network, TLS, balancers and providers; memory of Redis
is what is kept of the sessions.

| it costs | CPU | memory |
| --- | ---: | ---: |
${costRows(model)
  .map((cells) => `| ${cells.join(' | ')} |`)
  .join('\n')}
`;
}

function row({ store, processes, limitedBy, cpuCores, memoryBytes, redis }: Size, demand: Demand): string {
  const shared =
    redis === undefined
      ? store
      : `${roundText(redis.commandsPerSecond)}, ${roundText(redis.cpuCores)}${redis.servers > 1 ? ` (${redis.servers} servers)` : ''}`;
  const cells = [
    numberText(demand.sockets),
    numberText(demand.streams),
    numberText(demand.streams * demand.tokensPerSecond),
    roundText(demand.turnsPerSecond),
    roundText(cpuCores),
    `${numberText(processes)}${processes > 1 ? `, ${limitedBy}` : ''}`,
    bytesText(memoryBytes),
    shared,
  ];
  return `| ${cells.join(' | ')} |`;
}

function costRows({ process, socket, stream, embedded, redis }: CostModel): string[][] {
  const microseconds = (seconds: number): string => timeText(seconds * 1_000);
  const perSecond = (cores: number): string => `${timeText(cores * 1_000)} a second`;
  return [
    ['a process', perSecond(process.cpuCores), bytesText(process.memoryBytes)],
    ['a socket with a session that says nothing', perSecond(socket.cpuCores), bytesText(socket.memoryBytes)],
    ['a stream', '', bytesText(stream.memoryBytes)],
    ['a token', microseconds(embedded.cpuSecondsPerToken), ''],
    ['a turn', microseconds(embedded.cpuSecondsPerTurn), ''],
    ...(redis === undefined
      ? []
      : [
          [
            'a token, with Redis',
            `${microseconds(redis.cpuSecondsPerToken)}, ${numberText(redis.commandsPerToken)} commands`,
            '',
          ],
          [
            'a turn, with Redis',
            `${microseconds(redis.cpuSecondsPerTurn)}, ${numberText(redis.commandsPerTurn)} commands`,
            '',
          ],
          ['a command, to Redis', microseconds(redis.cpuSecondsPerCommand), ''],
        ]),
  ];
}

/** What is computed is not known to three digits. */
function roundText(value: number): string {
  return numberText(Number(value.toPrecision(2)));
}
