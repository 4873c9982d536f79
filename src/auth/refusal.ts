import { ProtocolError } from '../../protocol/protocol-error.ts';

/** A credential is not taken. Whoever came with it learns that alone; `reason` is for the audit log. */
export class Refusal extends ProtocolError {
  readonly reason: string;
  /** Id of the key, where there is such a key. */
  readonly key: string | undefined;

  constructor(reason: string, key?: string) {
    super('unauthorized', 'The credential is missing, wrong or expired.');
    this.name = 'Refusal';
    this.reason = reason;
    this.key = key;
  }
}

/** It cannot be checked now: whoever has it may try again. */
export function cannotCheck(cause: unknown, retryAfterMs = 2_000): ProtocolError {
  return new ProtocolError('overloaded', 'Credentials cannot be checked now; try again.', { cause, retryAfterMs });
}
