import { errors } from 'undici';
import type { ConnectionOptions, ProviderHandler, ProviderRequest } from './provider-connections.ts';
import { type ConnectionShare, shareConnections } from './shared-connections.ts';
import { createSlots, type Slot } from './slots.ts';

export interface ProviderPool {
  /** Sends an answer's request. The slot must be released when the answer is over; before `onDispatch` that cancels it. */
  post(request: ProviderRequest, handler: ProviderHandler): Slot;
  /** Sends a request beside the answers, which waits in no line. The slot must be released when it is over. */
  ask(request: ProviderRequest, handler: ProviderHandler): Slot;
  /** Makes connections before they are needed, where that is asked for. */
  warm(onFailure: (error: Error) => void): void;
  /** Refuses new requests and resolves when the running ones are over. */
  close(): Promise<void>;
}

export interface ProviderPoolOptions extends ConnectionOptions {
  /** Most answers in flight; more wait in line. Default: no bound. */
  connections?: number | undefined;
}

/**
 * What one upstream has of the connections to its provider: its own bound and its own end, while the connections are
 * shared. They are made at the first use: an upstream that was only made to look at its settings has none.
 */
export function createProviderPool(options: ProviderPoolOptions): ProviderPool {
  const slots = createSlots(options.connections ?? Number.POSITIVE_INFINITY);
  let share: ConnectionShare | undefined;
  let running = 0;
  let closing: Promise<void> | undefined;
  let whenIdle: (() => void) | undefined;

  function send(request: ProviderRequest, handler: ProviderHandler): void {
    if (closing !== undefined) {
      handler.onResponseError(new errors.ClientClosedError());
      return;
    }
    share ??= shareConnections(options);
    share.connections.send(request, handler);
  }

  /** The connections are needed until the slot is given back. */
  function counted(slot: Slot): Slot {
    let isReleased = false;
    running += 1;
    return {
      release() {
        slot.release();
        if (isReleased) return;
        isReleased = true;
        running -= 1;
        if (running === 0) whenIdle?.();
      },
    };
  }

  async function close(): Promise<void> {
    if (running > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    await share?.release();
  }

  return {
    post: (request, handler) => counted(slots.take(() => send(request, handler))),
    ask(request, handler) {
      send(request, handler);
      return counted({ release() {} });
    },
    warm(onFailure) {
      if (closing !== undefined || (options.prewarm ?? 0) === 0) return;
      share ??= shareConnections(options);
      share.connections.warm(onFailure);
    },
    close: () => (closing ??= close()),
  };
}
