import type { Upstream, UpstreamRequest, UpstreamSink } from '../../src/upstream/contract.ts';

/** One call as the gateway made it; the test plays the provider. */
export interface ScriptedCall {
  request: UpstreamRequest;
  sink: UpstreamSink;
  signal: AbortSignal;
  aborted: Promise<unknown>;
}

export interface ScriptedUpstream extends Upstream {
  readonly calls: ScriptedCall[];
  /** The next call that was not answered before. */
  nextCall(): Promise<ScriptedCall>;
}

/** An upstream whose answers the test writes, call by call. With `answer`, it answers by itself. */
export function createScriptedUpstream(answer?: (call: ScriptedCall) => void, name = 'scripted'): ScriptedUpstream {
  const calls: ScriptedCall[] = [];
  const waiting: ((call: ScriptedCall) => void)[] = [];
  let taken = 0;
  return {
    name,
    wire: 'scripted',
    models: [],
    defaultModel: 'gpt-4o',
    calls,
    nextCall() {
      if (taken < calls.length) return Promise.resolve(calls[taken++]!);
      taken++;
      return new Promise((resolve) => waiting.push(resolve));
    },
    stream(request, sink, signal) {
      const aborted = new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve(signal.reason), { once: true }),
      );
      const call = { request, sink, signal, aborted };
      signal.addEventListener('abort', () => sink.onClose(), { once: true });
      calls.push(call);
      waiting.shift()?.(call);
      answer?.(call);
    },
    close: async () => {},
  };
}

/** Answers with these pieces, a loop turn apart, and completes. */
export function answerWith(pieces: readonly string[]): (call: ScriptedCall) => void {
  return ({ sink, signal }) => {
    let i = 0;
    const step = (): void => {
      if (signal.aborted) return;
      if (i < pieces.length) {
        sink.onText(pieces[i++]!);
        setImmediate(step);
      } else {
        sink.onEnd('stop', 'stop');
        sink.onClose();
      }
    };
    setImmediate(step);
  };
}
