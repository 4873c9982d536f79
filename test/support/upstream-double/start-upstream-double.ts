import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DoubleRequest, recordRequest } from './double-request.ts';
import { playBytes, playForever } from './play-bytes.ts';
import { playStream } from './play-stream.ts';
import type { Plan, PlanSource } from './plan.ts';
import { ClientGone, ResponseWriter } from './response-writer.ts';

export interface UpstreamDouble {
  /** Base URL, ending in /v1. */
  readonly url: string;
  readonly port: number;
  /** In the order of arrival. */
  readonly requests: readonly DoubleRequest[];
  /** TCP connections accepted so far, and those open now. */
  readonly connections: { readonly accepted: number; readonly open: number };
  /** For the requests that come from now on. A list is used up one by one, its last plan again and again. */
  setPlan(plan: PlanSource): void;
  /** Resolves with request number `index` (from 0) as soon as it came. */
  request(index: number): Promise<DoubleRequest>;
  close(): Promise<void>;
}

/** A provider that speaks OpenAI chat completions on a free port of 127.0.0.1 and does what its plan says. */
export async function startUpstreamDouble(options: { plan?: PlanSource } = {}): Promise<UpstreamDouble> {
  let plan: PlanSource = options.plan ?? { kind: 'stream' };
  let planned = 0;
  let accepted = 0;
  let open = 0;
  const requests: DoubleRequest[] = [];
  const waiting: { index: number; resolve: (request: DoubleRequest) => void }[] = [];
  const running = new Set<AbortController>();

  function nextPlan(request: DoubleRequest): Plan {
    const index = planned;
    planned += 1;
    if (typeof plan === 'function') return plan(request, index);
    if (!isList(plan)) return plan;
    return plan[Math.min(index, plan.length - 1)] ?? { kind: 'stream' };
  }

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    running.add(gone);
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part as Buffer);
    const request = recordRequest(message, Buffer.concat(parts).toString('utf8'));
    response.once('close', () => {
      request.markClosed(!response.writableFinished);
      gone.abort();
      running.delete(gone);
    });
    requests.push(request);
    for (const waiter of waiting) if (waiter.index === requests.length - 1) waiter.resolve(request);
    await play(nextPlan(request), request, new ResponseWriter(response, gone));
  }

  const server = createServer((message, response) => {
    answer(message, response).catch((error: unknown) => {
      if (!(error instanceof ClientGone) && !message.destroyed) response.destroy(error as Error);
    });
  });
  // Idle keep-alive connections belong to the client in these tests.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    connections: {
      get accepted() {
        return accepted;
      },
      get open() {
        return open;
      },
    },
    setPlan(next) {
      plan = next;
      planned = 0;
    },
    request(index) {
      const known = requests[index];
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => waiting.push({ index, resolve }));
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const gone of running) gone.abort();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function play(plan: Plan, request: DoubleRequest, writer: ResponseWriter): Promise<void> {
  switch (plan.kind) {
    case 'stream':
      return playStream(plan, request, writer);
    case 'bytes':
      return playBytes(plan, writer);
    case 'forever':
      return playForever(plan, request, writer);
    case 'hang':
      return writer.hang();
    case 'status':
      writer.head(plan.status, { 'content-type': 'application/json', ...plan.headers });
      await writer.write(plan.body ?? JSON.stringify({ error: { message: `Status ${plan.status}.` } }));
      writer.end();
  }
}

function isList(plan: PlanSource): plan is readonly Plan[] {
  return Array.isArray(plan);
}
