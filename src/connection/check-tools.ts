import type { Tool } from '../../protocol/frames/common.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Identity } from '../auth/contract.ts';

/** Throws `forbidden` for a tool that the credential does not allow to be offered to a model. */
export function checkTools(tools: readonly Tool[] | undefined, { tools: allowed }: Pick<Identity, 'tools'>): void {
  if (allowed === undefined || tools === undefined) return;
  const refused = tools.find(({ name }) => !allowed.some((pattern) => isLike(name, pattern)));
  if (refused !== undefined)
    throw new ProtocolError('forbidden', `The credential does not allow the tool “${refused.name}”.`);
}

function isLike(name: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return name === pattern;
  const last = others.pop()!;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
