import type { Identity } from '../auth/contract.ts';
import { isLikeAny } from '../lib/glob.ts';
import { Problem } from './problem.ts';

/** Whether a session is one of those that the identity may see; another one looks as if it did not exist. */
export function mayUseSession(identity: Identity, session: string): boolean {
  return identity.sessions === undefined || isLikeAny(identity.sessions)(session);
}

/** The one answer for sessions that do not exist, are another tenant's or may not be seen. */
export function noSession(): Problem {
  return new Problem('session_not_found', 'There is no such session.');
}
