import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { LimitRules } from '../limits/rules.ts';
import type { Identity } from './contract.ts';
import { isCovered, patternsFor } from './patterns.ts';
import { operatorRole } from './permissions.ts';

type Grants = Pick<Identity, 'team' | 'tier' | 'models' | 'routes' | 'tools' | 'sessions' | 'limits'>;

/**
 * What somebody gets who is given `asked` by `giver`: what is not asked for as the giver has it. Throws `forbidden` where
 * it would be more than that. A giver of no team or tier may name any.
 */
export function grantsFrom(giver: Identity, asked: Grants, subject: string): Grants {
  const refuse = (what: string): never => {
    throw new ProtocolError('forbidden', `The credential cannot give “${what}” that it does not have itself.`);
  };
  for (const fact of ['team', 'tier'] as const)
    if (asked[fact] !== undefined && giver[fact] !== undefined && asked[fact] !== giver[fact]) refuse(fact);
  for (const kind of ['models', 'routes', 'tools'] as const)
    if (asked[kind] !== undefined && !isCovered(asked[kind], giver[kind])) refuse(kind);
  if (asked.sessions !== undefined && !isCovered(patternsFor(subject, asked.sessions), giver.sessions))
    refuse('sessions');
  return {
    team: asked.team ?? giver.team,
    tier: asked.tier ?? giver.tier,
    models: asked.models ?? giver.models,
    routes: asked.routes ?? giver.routes,
    tools: asked.tools ?? giver.tools,
    sessions: asked.sessions ?? giver.sessions,
    limits: lowerLimits(giver.limits, asked.limits),
  };
}

/** Throws `forbidden` for roles that hold more than the giver may do. */
export function checkRoles(
  giver: Identity,
  roles: readonly string[],
  permissionsOf: (roles: readonly string[]) => readonly string[],
): void {
  const held: readonly string[] = giver.permissions ?? permissionsOf(giver.roles);
  const isMore = permissionsOf(roles).some((permission) => !held.includes(permission));
  if (isMore || (roles.includes(operatorRole) && !giver.roles.includes(operatorRole)))
    throw new ProtocolError('forbidden', 'The credential cannot give roles that may do more than it may itself.');
}

/** Of two limits the lower one. */
function lowerLimits(held: LimitRules | undefined, asked: LimitRules | undefined): LimitRules | undefined {
  if (held === undefined || asked === undefined) return held ?? asked;
  const lower: LimitRules = { ...held };
  for (const [name, value] of Object.entries(asked) as [keyof LimitRules, number | undefined][])
    if (value !== undefined) lower[name] = Math.min(value, held[name] ?? value);
  return lower;
}
