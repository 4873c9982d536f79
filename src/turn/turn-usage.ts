import type { Usage } from '../../protocol/frames/common.ts';
import type { UpstreamUsage } from '../upstream/contract.ts';

/** What the gateway counted itself for one upstream call. */
export interface CountedCall {
  input: number;
  output: number;
  reasoning: number;
}

/**
 * Sums the upstream calls of a turn. Where the provider reported usage, its figures stand; where it did not (cancel,
 * failure, no usage chunk), the gateway's own count does, and the sum is marked so.
 */
export class TurnUsage {
  #total = { input: 0, output: 0, reasoning: 0, cached: 0 };
  #counted = false;
  #calls = 0;

  add(reported: UpstreamUsage | undefined, counted: CountedCall): void {
    const call = reported ?? { ...counted, cached: 0 };
    this.#calls++;
    this.#counted ||= reported === undefined;
    for (const name of ['input', 'output', 'reasoning', 'cached'] as const) this.#total[name] += call[name];
  }

  /** `exact` says whether the model's tokenizer is known. */
  total(exact: boolean): Usage {
    const own = exact ? 'counted' : 'estimated';
    return { ...this.#total, source: this.#counted || this.#calls === 0 ? own : 'provider' };
  }
}
