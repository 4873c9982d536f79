import type { Tool } from '../../protocol/frames/common.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Identity } from '../auth/contract.ts';
import { isLikeAny } from '../lib/glob.ts';

/** Throws `forbidden` for a tool that the credential does not allow to be offered to a model. */
export function checkTools(tools: readonly Tool[] | undefined, { tools: allowed }: Pick<Identity, 'tools'>): void {
  if (allowed === undefined || tools === undefined) return;
  const isAllowed = isLikeAny(allowed);
  const refused = tools.find(({ name }) => !isAllowed(name));
  if (refused !== undefined)
    throw new ProtocolError('forbidden', `The credential does not allow the tool “${refused.name}”.`);
}
