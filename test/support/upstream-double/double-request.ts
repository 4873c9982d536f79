import type { IncomingHttpHeaders } from 'node:http';

/** What the double remembers of one request. */
export interface DoubleRequest {
  method: string;
  path: string;
  /** Without secrets: those that carry keys are replaced by `[secret]`. */
  headers: IncomingHttpHeaders;
  /** The secret ones as they came, for tests of where keys go. */
  readonly secretHeaders: Readonly<Record<string, string>>;
  body: ChatRequestBody;
  /** Milliseconds of `performance.now()`. */
  arrivedAtMs: number;
  /** When the socket or the answer was over; undefined while it goes on. */
  closedAtMs: number | undefined;
  /** Whether the client went away before the answer was whole. */
  closedByClient: boolean;
  /** Text tokens written so far. */
  tokensWritten: number;
  /** Resolves when `closedAtMs` is known. */
  closed: Promise<void>;
}

/** The parts of a request body that tests look at. */
export interface ChatRequestBody {
  model?: string;
  messages?: readonly { role: string; content?: unknown; tool_calls?: unknown; tool_call_id?: string }[];
  stream?: boolean;
  max_tokens?: number;
  max_completion_tokens?: number;
  [field: string]: unknown;
}

const secretNames = ['authorization', 'api-key', 'x-api-key', 'x-goog-api-key'];

export function recordRequest(
  head: { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders },
  body: string,
): DoubleRequest & { markClosed(byClient: boolean): void } {
  let resolveClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  const headers: IncomingHttpHeaders = { ...head.headers };
  const secretHeaders: Record<string, string> = {};
  for (const name of secretNames) {
    const value = headers[name];
    if (typeof value !== 'string') continue;
    secretHeaders[name] = value;
    headers[name] = '[secret]';
  }
  const request = {
    method: head.method ?? '',
    path: head.url ?? '',
    headers,
    body: parseBody(body),
    arrivedAtMs: performance.now(),
    closedAtMs: undefined as number | undefined,
    closedByClient: false,
    tokensWritten: 0,
    closed,
    markClosed(byClient: boolean) {
      if (request.closedAtMs !== undefined) return;
      request.closedAtMs = performance.now();
      request.closedByClient = byClient;
      resolveClosed();
    },
  };
  // Not enumerable, so that a printed request stays without secrets.
  return Object.defineProperty(request, 'secretHeaders', { value: secretHeaders }) as typeof request & {
    secretHeaders: Record<string, string>;
  };
}

function parseBody(body: string): ChatRequestBody {
  try {
    return JSON.parse(body) as ChatRequestBody;
  } catch {
    return {};
  }
}
