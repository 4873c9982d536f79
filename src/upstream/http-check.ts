import { UpstreamError } from './contract.ts';
import { brokenConnection } from './http-errors.ts';
import { classifyProviderFailure } from './provider-failure.ts';
import type { ProviderController, ProviderHandler, ProviderRequest } from './provider-connections.ts';
import type { ProviderPool } from './provider-pool.ts';
import type { Slot } from './slots.ts';

/** A list of models may be long; a longer answer costs its connection. */
const maxBodyBytes = 1024 * 1024;
const givenUp = new Error('The check was given up.');

/**
 * One request that asks whether a provider is there: any status below 500 says so, but for one that refuses the
 * credential. Rejects with `UpstreamError`; `upstream_timeout` when `signal` aborts.
 */
export function checkOverHttp(pool: ProviderPool, request: ProviderRequest, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let status: number | undefined;
    let bodyBytes = 0;
    let isOver = false;
    let giveUp: (() => void) | undefined;
    let slot: Slot | undefined;
    let isClosed = false;

    const settle = (error?: UpstreamError): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = (): void => {
      settle(new UpstreamError('upstream_timeout', 'The provider did not answer the check in time.'));
      giveUp?.();
    };
    const close = (): void => {
      isClosed = true;
      slot?.release();
    };

    const handler: ProviderHandler = {
      onDispatch() {},
      onConnecting(destroy) {
        giveUp = () => destroy(givenUp);
        if (isOver) giveUp();
      },
      onRequestStart(controller: ProviderController) {
        giveUp = () => controller.abort(givenUp);
        if (isOver) giveUp();
      },
      onResponseStart(head) {
        // an interim answer (1xx) is none
        if (head < 200) return;
        status = head;
        if (head >= 500 || head === 401 || head === 403) settle(classifyProviderFailure({ status: head, body: '' }));
        else settle();
      },
      onResponseData(bytes) {
        bodyBytes += bytes.length;
        if (bodyBytes > maxBodyBytes) giveUp?.();
      },
      onResponseEnd() {
        close();
      },
      onResponseError(error) {
        if (status === undefined) settle(brokenConnection('connecting', error));
        close();
      },
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    slot = pool.ask(request, handler);
    if (isClosed) slot.release();
  });
}
