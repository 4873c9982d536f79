/**
 * What a bench asks for, written into the user's text, as every peer hands that on: an id by which the upstream tells of
 * the request, and how many tokens the answer has, all in one write; 0 is an answer that never ends, a token at a time.
 */
export interface BenchInput {
  id: string;
  tokens: number;
}

export function benchInput(id: string, tokens: number): string {
  return `bench:${id}:${tokens}.`;
}

/** The last one of a request's body, as a gateway with sessions sends those of earlier turns before it. */
export function readBenchInput(body: string): BenchInput | undefined {
  const found = /^bench:(\w+):(\d+)\./.exec(body.slice(body.lastIndexOf('bench:')));
  return found === null ? undefined : { id: found[1]!, tokens: Number(found[2]) };
}

/** Each is one token of o200k_base. */
export const benchWords = [' the', ' quick', ' brown', ' fox', ' jumps', ' over', ' a', ' lazy', ' dog', '.'];
