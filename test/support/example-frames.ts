import type { DownFrame } from '../../protocol/down.ts';
import type { UpFrame } from '../../protocol/up.ts';

const turn = '01JZ8X3V7Q9R5T1W2Y4Z6A8B0C';
const settings = {
  system: 'Be brief.',
  model: 'gpt-4o',
  params: { temperature: 0.5, maxOutputTokens: 200, stop: ['END'] },
  window: { policy: 'sliding' as const, maxTokens: 8_000 },
  tools: [{ name: 'weather', description: 'Now, in a city.', parameters: { type: 'object' } }],
  onBusy: 'queue' as const,
  onDetach: { keepMs: 60_000 },
  metadata: { channel: 'web' },
};
const usage = { input: 19, output: 7, reasoning: 0, cached: 0, source: 'counted' as const };
const timing = { queuedMs: 0, firstTokenMs: 212, totalMs: 901 };

/** One example of every client frame: the golden vectors are made of them. */
export const exampleUpFrames: UpFrame[] = [
  { t: 'hello', client: { name: 'example', version: '1.0' }, auth: { key: 'pk_example' } },
  { t: 'attach', ref: 1, s: 0, session: 'trip-to-oslo', create: { settings }, epoch: 'e1', after: 120, as: 'writer' },
  { t: 'detach', s: 0 },
  {
    t: 'turn',
    ref: 2,
    s: 0,
    id: turn,
    input: [{ type: 'text', text: 'Grüße 👋' }],
    onBusy: 'replace',
    limits: { maxOutputTokens: 100, maxCostUsd: 0.25 },
    deadlineMs: 30_000,
    base: 120,
  },
  { t: 'cancel', ref: 3, s: 0, turn, reason: 'barge-in', heard: 131 },
  { t: 'tool.result', ref: 4, s: 0, turn, call: 'call_1', output: { degrees: -3, sky: null, list: [1, true] } },
  { t: 'history', ref: 5, s: 0, before: 500, limit: 10 },
  { t: 'ack', s: 0, pos: 4_294_967_296 },
  { t: 'update', ref: 6, s: 0, settings: { system: null } },
  { t: 'delete', ref: 7, s: 0 },
  { t: 'auth', ref: 8, token: 'eyJ…' },
  { t: 'ping', at: 12.5 },
];

/** One example of every server frame. */
export const exampleDownFrames: DownFrame[] = [
  {
    t: 'welcome',
    v: 1,
    connection: '01JZ8X3V7Q9R5T1W2Y4Z6A8B0D',
    node: '01JZ8X3V7Q9R5T1W2Y4Z6A8B0E',
    caps: ['tools'],
    heartbeatMs: 25_000,
    limits: {
      maxMessageBytes: 1_048_576,
      maxFramesPerMessage: 256,
      maxInputBytes: 524_288,
      maxAttachments: 256,
      maxQueuedTurns: 16,
    },
    identity: { tenant: 'default', subject: 'anonymous', roles: ['chat'] },
    upstream: { name: 'openai', wire: 'openai-chat', model: 'gpt-4o' },
    expiresAt: 1_800_000_000_000,
  },
  { t: 'authenticated', ref: 8, expiresAt: 1_800_000_000_000 },
  {
    t: 'attached',
    ref: 1,
    s: 0,
    session: 'trip-to-oslo',
    epoch: 'e1',
    outcome: 'resumed',
    from: 120,
    head: 140,
    live: [turn],
    settings,
  },
  { t: 'live', s: 0, pos: 140 },
  { t: 'turn.accepted', s: 0, pos: 140, turn, input: 'Hello', at: 1_750_000_000_000 },
  {
    t: 'turn.routed',
    s: 0,
    pos: 141,
    turn,
    upstream: 'openai',
    model: 'gpt-4o',
    window: { turns: 3, tokens: 420, dropped: 1, maxTokens: 8_000 },
  },
  { t: 'delta', s: 0, pos: 142, turn, text: ' wörld 👋', tokens: 4 },
  { t: 'tool.call', s: 0, pos: 151, turn, call: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' },
  { t: 'tool.result', s: 0, pos: 152, turn, call: 'call_1', error: 'The tool failed.' },
  {
    t: 'turn.ended',
    s: 0,
    pos: 153,
    turn,
    status: 'cancelled',
    reason: 'barge-in',
    heard: 145,
    usage,
    costUsd: 0.0001,
    timing,
  },
  { t: 'turn.state', ref: 2, s: 0, turn, state: 'queued', place: 1 },
  { t: 'cancelling', ref: 3, s: 0, turn, upstream: 'aborting' },
  { t: 'ignored', ref: 4, s: 0, turn, call: 'call_1', reason: 'The call was closed before.' },
  { t: 'error', ref: 2, s: 0, turn, code: 'rate_limited', message: 'Slow down.', retryable: true, retryAfterMs: 1_500 },
  { t: 'goaway', reason: 'shutdown', deadlineMs: 20_000, reconnect: { minMs: 0, maxMs: 1_000 } },
  {
    t: 'history',
    ref: 5,
    s: 0,
    turns: [
      { turn, pos: 0, end: 40, at: 1_750_000_000_000, input: 'Hi', text: 'Hello', status: 'completed', usage, timing },
    ],
    next: 40,
  },
  { t: 'updated', ref: 6, s: 0, settings: {} },
  { t: 'deleted', ref: 7, s: 0 },
  { t: 'pong', at: 12.5 },
  { t: 'presence', s: 0, writers: 2, viewers: 1 },
  { t: 'lagging', s: 0, pos: 142 },
];
