/** How a server is spoken to; travels to the process that makes the load as JSON. */
export type Dialect =
  | {
      /** Server-sent events over HTTP, a request per answer on a connection that stays. */
      kind: 'sse';
      path: string;
      headers: Readonly<Record<string, string>>;
      body: 'chat-completions' | 'ui-messages';
      /** Answered without the upstream: what makes an idle connection one that is kept alive. */
      idlePath: string;
    }
  | { kind: 'json-socket' }
  | { kind: 'socket.io' }
  | { kind: 'parley' };

/** One connection with at most one answer at a time: as little work per token as possible, so that the server is what is measured. */
export interface StreamClient {
  /** Received so far. */
  tokens: number;
  onText: (text: string) => void;
  onEnd: () => void;
  start(input: string): void;
  /** Ends the running answer the way the server offers: by a message, or by closing the connection. */
  cancel(): void;
  close(): void;
}

export interface OpenOptions {
  url: string;
  /** The connection broke, or the server answered with a failure: the measure is void. */
  onFailure(error: Error): void;
}

export const ignore = (): void => {};
