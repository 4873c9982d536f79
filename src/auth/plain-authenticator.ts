import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Authenticate, Authenticator } from './contract.ts';

/** Around a program's own function: credentials end when they say so, and are never revoked. */
export function createPlainAuthenticator(authenticate: Authenticate, wall: () => number): Authenticator {
  return {
    authenticate,
    recheck({ expiresAt }) {
      if (expiresAt !== undefined && expiresAt <= wall())
        throw new ProtocolError('unauthorized', 'The credential has expired.');
    },
    onRevoked: () => {},
    close: () => {},
  };
}
