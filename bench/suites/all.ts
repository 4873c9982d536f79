import { benchAiSdkAdapter } from '../micro/ai-sdk-adapter.ts';
import { benchCodec } from '../micro/codec.ts';
import { benchLogAppend } from '../micro/log-append.ts';
import { benchLimits } from '../micro/limits.ts';
import { benchOpenaiChatAdapter } from '../micro/openai-chat-adapter.ts';
import { benchWindowBuilding } from '../micro/window-building.ts';
import { benchWireAdapters } from '../micro/wire-adapters.ts';
import type { ResultRow } from '../result.ts';
import type { BenchRun } from '../side-by-side.ts';
import { benchCancel } from './cancels.ts';
import { benchNodes } from './nodes.ts';
import { benchClientSize, benchCounter, rowsOf } from './parts.ts';
import { benchReconnects } from './reconnects.ts';
import { benchCpu, benchDelay, benchMemory, benchTurns } from './streams.ts';
import { benchTurnStart } from './turn-start.ts';

/** By the names of the command line, in the order of the report; those with goals first. */
export const suites: Readonly<Record<string, (run: BenchRun) => Promise<ResultRow[]>>> = {
  cpu: benchCpu,
  delay: benchDelay,
  turns: benchTurns,
  cancel: benchCancel,
  memory: benchMemory,
  reconnects: benchReconnects,
  start: benchTurnStart,
  counter: ({ log }) => benchCounter(log),
  size: () => benchClientSize(),
  nodes: async ({ log }) => rowsOf('nodes', await benchNodes(200, log)),
  codec: async ({ log }) => rowsOf('codec', await benchCodec(log)),
  log: async ({ log }) => rowsOf('log', await benchLogAppend(log)),
  window: async ({ log }) => rowsOf('window', await benchWindowBuilding(log)),
  adapter: async ({ log }) => rowsOf('adapter', await benchOpenaiChatAdapter(log)),
  adapters: async ({ log }) => rowsOf('adapters', await benchWireAdapters(log)),
  'ai-sdk': async ({ log }) => rowsOf('ai-sdk', await benchAiSdkAdapter(log)),
  limits: async ({ log }) => rowsOf('limits', await benchLimits(log)),
};

/** Suites that the peers take part in. */
export const suitesWithPeers: ReadonlySet<string> = new Set(['cpu', 'delay', 'turns', 'cancel', 'memory']);
