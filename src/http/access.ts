import { type Identity, type Permission, permissions } from '../auth/contract.ts';
import { isLikeAny } from '../lib/glob.ts';
import { Problem } from './problem.ts';

/** What an identity may do: as its credential says, else by roles that are called like a permission. */
export function permissionsOf({ permissions: given, roles }: Identity): readonly Permission[] {
  return given ?? permissions.filter((permission) => roles.includes(permission));
}

/** Throws `Problem` `forbidden`. */
export function requirePermission(identity: Identity, permission: Permission): void {
  if (permissionsOf(identity).includes(permission)) return;
  throw new Problem('forbidden', `This needs the permission “${permission}”.`);
}

/** Whether a session is one of those that the identity may see; another one looks as if it did not exist. */
export function mayUseSession(identity: Identity, session: string): boolean {
  return identity.sessions === undefined || isLikeAny(identity.sessions)(session);
}

/** The one answer for sessions that do not exist, are another tenant's or may not be seen. */
export function noSession(): Problem {
  return new Problem('session_not_found', 'There is no such session.');
}
