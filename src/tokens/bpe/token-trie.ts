const NO_TOKEN = -1;
const ROOT = 0;

/** What one byte-pair vocabulary needs for matching tokens from left to right, one byte at a time. */
export interface TokenTrie {
  readonly tokenCount: number;
  readonly maxTokenBytes: number;
  /** Open addressing, two cells per slot: node * 256 + byte, then the child node; -1 marks a free slot. */
  readonly children: Int32Array;
  readonly childMask: number;
  /** Per node: the node of the longest proper suffix that is in the trie (the failure link of Aho and Corasick). */
  readonly suffixNodeOf: Int32Array;
  /** Per node: the longest token that ends here, or -1. */
  readonly longestTokenAt: Int32Array;
  /** Per token: the next shorter token that is its suffix, or -1. */
  readonly shorterSuffixOf: Int32Array;
  readonly byteLengthOf: Uint8Array;
  /** Per token: its longer and longer prefixes are found by walking from its node upwards. */
  readonly nodeOf: Int32Array;
  readonly parentOf: Int32Array;
}

/** Slot of a child in `children`, or of the free cell where it belongs. */
export function childSlot(children: Int32Array, childMask: number, node: number, byte: number): number {
  const key = node * 256 + byte;
  let slot = ((Math.imul(key, 0x9e3779b1) >>> 7) & childMask) << 1;
  for (;;) {
    const found = children[slot] as number;
    if (found === key || found === -1) return slot;
    slot = (slot + 2) & ((childMask << 1) | 1);
  }
}

/** @param tokenBytes all tokens in the order of their ranks, end to end; @param byteLengthOf the length of each */
export function buildTokenTrie(tokenBytes: Uint8Array, byteLengthOf: Uint8Array): TokenTrie {
  const tokenCount = byteLengthOf.length;
  const slots = 1 << (32 - Math.clz32(tokenCount * 4));
  const children = new Int32Array(slots * 2).fill(-1);
  const childMask = slots - 1;
  const nodeLimit = slots >> 1;
  const parentOf = new Int32Array(nodeLimit);
  const byteOf = new Uint8Array(nodeLimit);
  const depthOf = new Uint8Array(nodeLimit);
  const longestTokenAt = new Int32Array(nodeLimit).fill(NO_TOKEN);
  const nodeOf = new Int32Array(tokenCount);
  let nodeCount = 1;
  let maxTokenBytes = 0;

  const descend = (node: number, byte: number): number => {
    const slot = childSlot(children, childMask, node, byte);
    if (children[slot] === -1) {
      if (nodeCount === nodeLimit) throw new RangeError('token trie: more nodes than the table was sized for');
      children[slot] = node * 256 + byte;
      children[slot + 1] = nodeCount;
      parentOf[nodeCount] = node;
      byteOf[nodeCount] = byte;
      depthOf[nodeCount] = (depthOf[node] as number) + 1;
      nodeCount += 1;
    }
    return children[slot + 1] as number;
  };

  // All single bytes first: matching may then always fall back to a child of the root.
  for (let byte = 0; byte < 256; byte += 1) descend(ROOT, byte);
  let offset = 0;
  for (let token = 0; token < tokenCount; token += 1) {
    const end = offset + (byteLengthOf[token] as number);
    maxTokenBytes = Math.max(maxTokenBytes, end - offset);
    let node = ROOT;
    for (; offset < end; offset += 1) node = descend(node, tokenBytes[offset] as number);
    longestTokenAt[node] = token;
    nodeOf[token] = node;
  }

  const suffixNodeOf = new Int32Array(nodeCount);
  const shorterSuffixOf = new Int32Array(tokenCount).fill(NO_TOKEN);
  // Shallow nodes first, since a suffix is always shallower than its node.
  for (const node of nodesByDepth(depthOf.subarray(0, nodeCount))) {
    if (node === ROOT) continue;
    const byte = byteOf[node] as number;
    let candidate = parentOf[node] as number;
    let suffixNode = ROOT;
    while (candidate !== ROOT && suffixNode === ROOT) {
      candidate = suffixNodeOf[candidate] as number;
      const slot = childSlot(children, childMask, candidate, byte);
      if (children[slot] !== -1) suffixNode = children[slot + 1] as number;
    }
    suffixNodeOf[node] = suffixNode;
    const suffixToken = longestTokenAt[suffixNode] as number;
    const token = longestTokenAt[node] as number;
    if (token === NO_TOKEN) longestTokenAt[node] = suffixToken;
    else shorterSuffixOf[token] = suffixToken;
  }

  return {
    tokenCount,
    maxTokenBytes,
    children,
    childMask,
    suffixNodeOf,
    longestTokenAt: longestTokenAt.slice(0, nodeCount),
    shorterSuffixOf,
    byteLengthOf,
    nodeOf,
    parentOf,
  };
}

function nodesByDepth(depthOf: Uint8Array): Int32Array {
  const firstAt = new Int32Array(257);
  for (const depth of depthOf) firstAt[depth + 1] = (firstAt[depth + 1] as number) + 1;
  for (let depth = 1; depth < 257; depth += 1) {
    firstAt[depth] = (firstAt[depth] as number) + (firstAt[depth - 1] as number);
  }
  const ordered = new Int32Array(depthOf.length);
  for (let node = 0; node < depthOf.length; node += 1) {
    const depth = depthOf[node] as number;
    ordered[firstAt[depth] as number] = node;
    firstAt[depth] = (firstAt[depth] as number) + 1;
  }
  return ordered;
}
