import { ProtocolError } from '../../protocol/protocol-error.ts';
import { type Identity, type Permission, permissions } from './contract.ts';

/** Manages the keys of all tenants. */
export const operatorRole = 'operator';

const builtIn: Readonly<Record<string, readonly Permission[]>> = {
  viewer: ['history'],
  user: ['chat', 'history'],
  owner: ['chat', 'history', 'export', 'erase'],
  admin: permissions,
  [operatorRole]: permissions,
};

/** Names that a configuration cannot give another meaning. */
export const reservedRoles: readonly string[] = [...permissions, operatorRole];

/** What roles amount to: those of the configuration, the built-in ones, and each permission by its own name. */
export function createRoles(
  configured: Readonly<Record<string, readonly Permission[]>> = {},
): (roles: readonly string[]) => readonly Permission[] {
  const known = new Map<string, readonly Permission[]>([
    ...permissions.map((permission) => [permission, [permission]] as const),
    ...Object.entries(builtIn),
    ...Object.entries(configured),
  ]);
  // few lists for many identities, each of which keeps one
  const lists = new Map<string, readonly Permission[]>();
  return (roles) => {
    const held = new Set(roles.flatMap((role) => known.get(role) ?? []));
    const list = permissions.filter((permission) => held.has(permission));
    const name = list.join(' ');
    const shared = lists.get(name) ?? list;
    lists.set(name, shared);
    return shared;
  };
}

/** Throws `forbidden` unless the identity has one of them. */
export function requirePermission({ permissions: held = [] }: Identity, ...needed: Permission[]): void {
  if (!needed.some((permission) => held.includes(permission)))
    throw new ProtocolError('forbidden', `This needs the permission “${needed[0]}”.`);
}
