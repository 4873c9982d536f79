import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Authenticate, Identity } from '../../src/auth/contract.ts';

/** Believes whatever `bearer` of http-call.ts says; `extra` by subject. */
export function believingBearers(extra: Record<string, Partial<Identity>> = {}): Authenticate {
  return (auth, upgrade) => {
    const given = auth !== undefined && 'key' in auth ? auth.key : upgrade.authorization?.replace(/^Bearer /, '');
    const [tenant, subject, roles] = given?.split('/') ?? [];
    if (!tenant || !subject || roles === undefined)
      throw new ProtocolError('unauthorized', 'A credential is needed, and this is none.');
    return {
      tenant,
      subject,
      roles: roles.split(',').filter((role) => role !== ''),
      credential: { kind: 'key', id: `id-${subject}` },
      ...extra[subject],
    };
  };
}
