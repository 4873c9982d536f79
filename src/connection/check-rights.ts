import type { Settings } from '../../protocol/frames/common.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { UpFrame } from '../../protocol/up.ts';
import type { Identity, Permission } from '../auth/contract.ts';
import { requirePermission } from '../auth/permissions.ts';
import { isLikeAny } from '../lib/glob.ts';

type FrameType = UpFrame['t'];

/** One of these is needed for a frame; the others are free, as they act on nothing but the attachment. */
const needed: Partial<Record<FrameType, readonly Permission[]>> = {
  attach: ['history', 'chat'],
  turn: ['chat'],
  cancel: ['chat'],
  'tool.result': ['chat'],
  update: ['chat'],
  pin: ['chat'],
  history: ['history'],
  window: ['history'],
  delete: ['erase'],
};

/** Frames for which it is asked again whether the credential still holds. */
export function isChecked(type: FrameType): boolean {
  return needed[type] !== undefined;
}

/** Throws `forbidden` for a frame that the identity may not send. */
export function checkFrame(type: FrameType, identity: Identity): void {
  const permissions = needed[type];
  if (permissions !== undefined) requirePermission(identity, ...permissions);
}

/** Whether the identity may change what it attaches to. */
export function mayWrite({ permissions = [] }: Identity): boolean {
  return permissions.includes('chat') || permissions.includes('erase');
}

/** Throws `forbidden` where nothing may be made. */
export function checkCreate(identity: Identity): void {
  requirePermission(identity, 'chat');
}

/** Whether a session is there for the identity. */
export function maySee({ sessions }: Pick<Identity, 'sessions'>, session: string): boolean {
  return sessions === undefined || isLikeAny(sessions)(session);
}

/**
 * The id of a session that the gateway is to name; undefined where any will do. Throws `forbidden` when none can be made of
 * what the identity may see.
 */
export function sessionIdFor({ sessions }: Pick<Identity, 'sessions'>, newId: () => string): string | undefined {
  if (sessions === undefined) return undefined;
  for (const pattern of sessions) {
    const [, prefix] = /^([A-Za-z0-9_-]{0,100})\*$/.exec(pattern) ?? [];
    if (prefix !== undefined) return `${prefix}${newId()}`;
  }
  throw new ProtocolError('forbidden', 'The credential allows certain sessions alone; name one.');
}

/** The choices of settings or of a turn that a credential can be bound in. */
export type Choices = Pick<Settings, 'model' | 'route' | 'tools'>;

/** Throws `forbidden` for a tool that the credential does not allow to be offered to a model. */
export function checkTools(tools: Choices['tools'], { tools: allowed }: Pick<Identity, 'tools'>): void {
  if (allowed === undefined || tools === undefined || tools === null) return;
  const isAllowed = isLikeAny(allowed);
  const refused = tools.find(({ name }) => !isAllowed(name));
  if (refused !== undefined)
    throw new ProtocolError('forbidden', `The credential does not allow the tool “${refused.name}”.`);
}
