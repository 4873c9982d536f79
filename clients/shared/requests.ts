import type { EventFrame } from '../../protocol/down.ts';
import type { HistoryRequest } from '../../protocol/frames/history.ts';
import type { Delete, Update } from '../../protocol/frames/session.ts';
import type { ToolResultUp } from '../../protocol/frames/tool.ts';
import type { Cancel, TurnFrame } from '../../protocol/frames/turn.ts';
import type { Pin, WindowRequestFrame } from '../../protocol/frames/window.ts';
import type { UpFrame } from '../../protocol/up.ts';
import { abortable } from './abort.ts';
import { createDeferred, type Deferred } from './deferred.ts';
import type { ParleyError } from './parley-error.ts';

export type RequestFrame =
  | TurnFrame
  | Cancel
  | ToolResultUp
  | HistoryRequest
  | Update
  | Delete
  | Pin
  | WindowRequestFrame;

type Settle = Pick<Deferred<never>, 'reject'> & { resolve(value: unknown): void };

export interface RequestHost {
  /** Whether the frame can go over the wire; throws `ParleyError`. */
  verify(frame: UpFrame): void;
  /** False without a connection. */
  send(frames: UpFrame[]): boolean;
}

interface Request {
  frame: RequestFrame;
  settle: Settle;
  /** It was given to a connection, so the gateway may have it. */
  sent: boolean;
}

/** Requests of one session that have no answer yet. Repeating any of them is harmless, so each connection gets them all. */
export class Requests {
  readonly #open = new Map<number, Request>();
  readonly #host: RequestHost;
  #closed: ParleyError | undefined;

  constructor(host: RequestHost) {
    this.#host = host;
  }

  add(frame: RequestFrame, settle: Settle): void {
    try {
      if (this.#closed !== undefined) throw this.#closed;
      this.#host.verify(frame);
    } catch (error) {
      return settle.reject(error);
    }
    const request = { frame, settle, sent: false };
    this.#open.set(frame.ref!, request);
    request.sent = this.#host.send([frame]);
  }

  /** The answer; the signal's reason if it aborts first. */
  ask<Answer>(frame: RequestFrame, signal?: AbortSignal): Promise<Answer> {
    const { promise, resolve, reject } = createDeferred<Answer>();
    if (!signal?.aborted) this.add(frame, { resolve: resolve as (value: unknown) => void, reject });
    return abortable(promise, signal, () => this.#open.delete(frame.ref!));
  }

  /** All that is open, to be sent; cancels first, so that a turn they are meant for costs no provider call. */
  frames(): RequestFrame[] {
    const requests = [...this.#open.values()];
    for (const request of requests) request.sent = true;
    const isCancel = ({ frame }: Request): number => Number(frame.t === 'cancel');
    return requests.sort((a, b) => isCancel(b) - isCancel(a)).map(({ frame }) => frame);
  }

  settle(ref: number | undefined, value?: unknown): void {
    this.#take(ref)?.settle.resolve(value);
  }

  /** An error names its request by `ref`, or a turn by its id; false when neither is known. */
  refuse(ref: number | undefined, turn: string | undefined, error: ParleyError): boolean {
    const request = this.#take(ref ?? this.#refOf(({ frame }) => frame.t === 'turn' && frame.id === turn));
    request?.settle.reject(error);
    return request !== undefined;
  }

  /** An event of the log answers, too: the accept a turn, the result a tool result. */
  answeredBy(event: EventFrame): void {
    if (this.#open.size === 0) return;
    if (event.t === 'turn.accepted') {
      this.settle(this.#refOf(({ frame }) => frame.t === 'turn' && frame.id === event.turn));
    } else if (event.t === 'tool.result') {
      const isAnswered = ({ frame }: Request): boolean =>
        frame.t === event.t && frame.turn === event.turn && frame.call === event.call;
      this.settle(this.#refOf(isAnswered));
    }
  }

  /** Takes back a turn that was never given to a connection. */
  withdraw(turn: string): boolean {
    const ref = this.#refOf(({ frame, sent }) => frame.t === 'turn' && frame.id === turn && !sent);
    return this.#take(ref) !== undefined;
  }

  settleDeletes(): void {
    for (const [ref, { frame }] of this.#open) if (frame.t === 'delete') this.settle(ref);
  }

  close(error: ParleyError): void {
    this.#closed = error;
    const requests = [...this.#open.values()];
    this.#open.clear();
    for (const { settle } of requests) settle.reject(error);
  }

  #refOf(matches: (request: Request) => boolean): number | undefined {
    for (const [ref, request] of this.#open) if (matches(request)) return ref;
    return undefined;
  }

  #take(ref: number | undefined): Request | undefined {
    const request = ref === undefined ? undefined : this.#open.get(ref);
    if (request !== undefined) this.#open.delete(ref!);
    return request;
  }
}
