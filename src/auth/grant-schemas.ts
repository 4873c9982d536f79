import { z } from 'zod';
import { limitRulesSchema } from '../limits/rules.ts';

/** Tenants are part of the keys in the stores. */
export const tenantSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$/, 'is not a name of a tenant');

/** What an identity provider calls its users; printable, so that it can stand in a line of a log. */
export const subjectSchema = z.string().regex(/^[^\p{C}\p{Z}]{1,256}$/u, 'is not a name of a subject');

export const roleNameSchema = z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'is not a name of a role');

/** `*` stands for anything. */
const patternsSchema = z.array(z.string().min(1).max(256)).max(256);
const factSchema = z.string().min(1).max(128);

/** What a credential may be given beside its tenant, its subject and its roles; see `Identity`. */
export const grantShape = {
  team: factSchema.optional(),
  tier: factSchema.optional(),
  models: patternsSchema.optional(),
  routes: patternsSchema.optional(),
  tools: patternsSchema.optional(),
  /** `{subject}` in a pattern stands for the subject. */
  sessions: patternsSchema.optional(),
  limits: limitRulesSchema.optional(),
};
