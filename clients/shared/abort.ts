/**
 * The promise, or the signal's reason if that aborts first; `onAbort` then undoes what was begun. An aborted signal
 * rejects at once.
 */
export function abortable<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
  onAbort: () => void,
): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = whenAborted(signal, () => {
      onAbort();
      reject(signal.reason);
    });
    promise.then(resolve, reject).finally(stop);
  });
}

/** Calls back when the signal aborts, at once if it has; answers how to stop listening. */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) callback();
  else signal.addEventListener('abort', callback, { once: true });
  return () => signal.removeEventListener('abort', callback);
}

/** What a signal says about why, where it is a text that can be told to others. */
export function reasonOf({ reason }: AbortSignal): string | undefined {
  return typeof reason === 'string' ? reason : undefined;
}
