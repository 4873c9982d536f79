import type { Encoding } from '../../protocol/version.ts';

/** Every transport with every encoding: the conformance cases run over all of them. */
export const matrix: { transport: 'uws' | 'ws'; encoding: Encoding }[] = [
  { transport: 'uws', encoding: 'msgpack' },
  { transport: 'uws', encoding: 'json' },
  { transport: 'ws', encoding: 'msgpack' },
  { transport: 'ws', encoding: 'json' },
];
