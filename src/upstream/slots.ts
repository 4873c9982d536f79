/** A place among the answers in flight. */
export interface Slot {
  /** Gives the place back, or leaves the queue if it never came up. Repeating it is harmless. */
  release(): void;
}

interface Waiting extends Slot {
  start: () => void;
  state: 'queued' | 'running' | 'released';
}

export interface Slots {
  /** Calls `start` at once, or when a place is free; first come, first served. */
  take(start: () => void): Slot;
  readonly running: number;
  readonly queued: number;
}

/** At most `limit` answers at a time. */
export function createSlots(limit: number): Slots {
  const queue = new Set<Waiting>();
  let running = 0;

  function run(waiting: Waiting): void {
    running += 1;
    waiting.state = 'running';
    waiting.start();
  }

  function admit(): void {
    for (const waiting of queue) {
      if (running >= limit) return;
      queue.delete(waiting);
      run(waiting);
    }
  }

  function giveBack(): void {
    // The socket is free for its next request one turn of the loop after the answer ended; a request that came sooner
    // would open another connection.
    setImmediate(() =>
      setImmediate(() => {
        running -= 1;
        admit();
      }),
    );
  }

  return {
    take(start) {
      const waiting: Waiting = {
        start,
        state: 'queued',
        release() {
          if (waiting.state === 'running') giveBack();
          queue.delete(waiting);
          waiting.state = 'released';
        },
      };
      if (running < limit && queue.size === 0) run(waiting);
      else queue.add(waiting);
      return waiting;
    },
    get running() {
      return running;
    },
    get queued() {
      return queue.size;
    },
  };
}
