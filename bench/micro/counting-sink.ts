import type { UpstreamSink } from '../../src/upstream/contract.ts';

let units = 0;
const ignore = (): void => {};

/** Looks at what is read, so that nothing of it can be optimized away. */
export const countingSink: UpstreamSink = {
  onOpen: ignore,
  onText: (text) => {
    units += text.length;
  },
  onReasoning: ignore,
  onToolCallDelta: ignore,
  onToolCall: ignore,
  onUsage: ignore,
  onEnd: ignore,
  onError: (error) => {
    throw error;
  },
  onClose: ignore,
};

export function countUnits(value: object): void {
  units += Object.keys(value).length;
}

export function unitsRead(): number {
  return units;
}
