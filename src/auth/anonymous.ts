import type { Authenticate } from './contract.ts';

/** Everybody is the same tenant; for a gateway that only its owner reaches. */
export const authenticateAnonymous: Authenticate = () => ({
  tenant: 'default',
  subject: 'anonymous',
  roles: ['chat', 'history', 'erase'],
});
