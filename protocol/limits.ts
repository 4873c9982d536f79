/** Bounds that are part of the wire: a message beyond one of them is refused before anything is built from it. */
export const wireLimits = {
  /** Nesting of maps and arrays, the message itself included. */
  maxDepth: 16,
  /** Maps, arrays, keys and scalars together. */
  maxItems: 65_536,
  maxFramesPerMessage: 256,
} as const;
