/** Where a turn is between its claim and its end. */
export type TurnPhase = 'claimed' | 'queued' | 'routing' | 'waiting' | 'streaming' | 'tool' | 'ending' | 'ended';

/** Every legal transition; anything else is a fault of the engine. */
const transitions: Record<TurnPhase, readonly TurnPhase[]> = {
  claimed: ['queued', 'routing', 'ending'],
  queued: ['routing', 'ending'],
  routing: ['waiting', 'ending'],
  waiting: ['streaming', 'tool', 'routing', 'ending'],
  streaming: ['tool', 'routing', 'ending'],
  tool: ['waiting', 'ending'],
  ending: ['ended'],
  ended: [],
};

/** The state of one turn. `ending` is entered once, whoever comes first: cancel, limit, failure or completion. */
export class TurnMachine {
  #phase: TurnPhase = 'claimed';

  get phase(): TurnPhase {
    return this.#phase;
  }

  get isOver(): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended';
  }

  canEnter(next: TurnPhase): boolean {
    return transitions[this.#phase].includes(next);
  }

  /** Throws on an illegal transition. */
  enter(next: TurnPhase): void {
    if (!this.canEnter(next)) throw new Error(`a turn cannot go from ${this.#phase} to ${next}`);
    this.#phase = next;
  }
}
