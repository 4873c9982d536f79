import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../lib/clock.ts';
import { createTimerWheel } from '../lib/timer-wheel.ts';
import { loadEncoding } from '../tokens/load-encoding.ts';
import { hashText } from '../lib/hash-text.ts';
import { answerText, answerTokens } from './answer-tokens.ts';
import { type ChatRequest, readChatRequest } from './chat-request.ts';
import { usageOf } from './chunks.ts';
import { type FailureShares, failureOf } from './failure-plan.ts';
import { PacedAnswer, type Pace } from './paced-answer.ts';

export interface PracticeServerOptions extends Pace {
  host: string;
  /** 0: a free one. */
  port: number;
  seed: number;
  /** Of an answer; which number in between is decided by seed and request id. */
  tokens: { min: number; max: number };
  failures: FailureShares;
  /** Told of each request when its connection, or its answer, is over. */
  onClosed?: (closed: ClosedRequest) => void;
}

/** A line of the cancel log. */
export interface ClosedRequest {
  /** `x-client-request-id`, or the number of the request. */
  request: string;
  model: string;
  /** Text tokens written, of how many. */
  tokens: number;
  of: number;
  /** Milliseconds since 1970, with microseconds behind the point. */
  startedAt: number;
  closedAt: number;
  /** `server`: the answer was over, whole or as the failure plan has it. */
  closedBy: 'client' | 'server';
  failure?: string;
}

export interface PracticeServer {
  /** Ends in /v1. */
  readonly url: string;
  close(): Promise<void>;
}

const maxBodyBytes = 64 * 1024 * 1024;
const wallMs = (): number => performance.timeOrigin + performance.now();

/** A provider for practice that speaks OpenAI's chat completions. Rejects where the port is taken. */
export async function startPracticeServer(options: PracticeServerOptions): Promise<PracticeServer> {
  loadEncoding('o200k_base');
  const wheel = createTimerWheel(systemClock);
  let arrivals = 0;

  function chat(request: ChatRequest, message: IncomingMessage, response: ServerResponse): void {
    const arrival = arrivals++;
    const header = message.headers['x-client-request-id'];
    const requestId = typeof header === 'string' ? header : String(arrival);
    const wanted = answerLength(options, requestId);
    const tokenCount = Math.min(wanted, request.maxTokens);
    const finish = tokenCount < wanted ? 'length' : 'stop';
    const failure = failureOf(options.failures, options.seed, arrival);
    const startedAt = wallMs();
    let answer: PacedAnswer | undefined;
    let whole = 0;
    response.once('close', () => {
      answer?.stop();
      options.onClosed?.({
        request: requestId,
        model: request.model,
        tokens: answer?.written ?? whole,
        of: tokenCount,
        startedAt,
        closedAt: wallMs(),
        closedBy: response.writableEnded || failure?.kind === 'reset' ? 'server' : 'client',
        ...(failure === undefined
          ? {}
          : { failure: failure.kind === 'status' ? String(failure.status) : failure.kind }),
      });
    });
    if (failure?.kind === 'status') return refuse(response, failure.status, 'The failure plan says so.');
    if (!request.stream && failure === undefined) {
      whole = tokenCount;
      const ms =
        options.firstTokenMs + (options.tokensPerSecond > 0 ? (tokenCount * 1_000) / options.tokensPerSecond : 0);
      const body = wholeAnswer(request, answerText(options.seed, requestId, tokenCount), tokenCount, finish);
      wheel.at(performance.now() + ms, () => respond(response, 200, body));
      return;
    }
    const plan = {
      requestId,
      model: request.model,
      tokens: answerTokens(options.seed, requestId),
      tokenCount,
      finish,
      prefix: request.prefix,
      pace: options,
      failure: failure && { kind: failure.kind, afterTokens: Math.floor(failure.afterShare * tokenCount) },
      usage: request.includeUsage ? { promptTokens: request.promptTokens() } : undefined,
    } as const;
    answer = new PacedAnswer(response, plan, wheel, () => performance.now());
    answer.start();
  }

  const server = createServer((message, response) => {
    if (message.url === '/v1/models' && message.method === 'GET') {
      respond(response, 200, { object: 'list', data: [{ id: 'practice', object: 'model', owned_by: 'parley' }] });
    } else if (message.url === '/v1/chat/completions' && message.method === 'POST') {
      readBody(message, response, (text) => {
        const request = readChatRequest(text);
        if (typeof request === 'string') refuse(response, 400, request);
        else chat(request, message, response);
      });
    } else {
      refuse(response, 404, `There is no ${message.method} ${message.url} here.`);
    }
  });
  // idle connections belong to the client, as one that is closed under a request is a failure nobody planned
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host, backlog: 4_096 }, resolve);
  });
  const { port, address, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/v1`,
    async close() {
      wheel.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** How many tokens the answer to a request has, where nothing cuts it. */
export function answerLength(
  { seed, tokens }: Pick<PracticeServerOptions, 'seed' | 'tokens'>,
  requestId: string,
): number {
  return tokens.min + (hashText(`${seed}|length|${requestId}`) % (tokens.max - tokens.min + 1));
}

function wholeAnswer(request: ChatRequest, content: string, tokens: number, finishReason: string): object {
  return {
    id: 'chatcmpl-practice',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: request.model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finishReason }],
    usage: usageOf(request.promptTokens(), tokens),
  };
}

function readBody(message: IncomingMessage, response: ServerResponse, onText: (text: string) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  message.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes > maxBodyBytes) {
      refuse(response, 413, 'The body is too large.');
      message.destroy();
      return;
    }
    parts.push(part);
  });
  message.on('end', () => onText(Buffer.concat(parts).toString('utf8')));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (status === 429) response.setHeader('retry-after', '1');
  respond(response, status, {
    error: { message, type: status === 429 ? 'rate_limit_exceeded' : 'practice', code: null },
  });
}

function respond(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
