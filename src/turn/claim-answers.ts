import type { OnBusy } from '../../protocol/frames/common.ts';
import type { TurnFrame } from '../../protocol/frames/turn.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Session } from '../session/session.ts';
import type { ClaimResult, TurnRecord } from '../store/contract.ts';

export function onBusyOf(session: Session, record: TurnRecord): OnBusy {
  return record.frame.onBusy ?? session.settings.onBusy ?? 'reject';
}

/** What a client is told whose turn was not taken. */
export function refusal(
  result: Exclude<ClaimResult, { outcome: 'running' | 'queued' | 'replacing' | 'duplicate' | 'elsewhere' }>,
): ProtocolError {
  switch (result.outcome) {
    case 'conflict':
      return new ProtocolError(
        'idempotency_conflict',
        'This turn id was already used with another input; use a new id.',
      );
    case 'busy':
      return new ProtocolError(
        'turn_in_progress',
        'Another turn is running; wait for its end, or set onBusy to queue or replace.',
      );
    case 'queue_full':
      return new ProtocolError('queue_full', 'Too many turns wait in this session; try again when one has ended.');
    case 'stale_base':
      return new ProtocolError('stale_base', `The session moved on; its head is ${result.head}.`);
    case 'session_not_found':
      return new ProtocolError('session_not_found', 'The session does not exist any more.');
  }
}

/** Lone surrogates have no place in UTF-8: they become U+FFFD, as a JSON reader in another language would have it. */
export function wellFormed(input: TurnFrame['input']): TurnFrame['input'] {
  if (typeof input === 'string') return input.toWellFormed();
  return input.map((part) => (part.type === 'text' ? { ...part, text: part.text.toWellFormed() } : part));
}
