import { z } from 'zod';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { RecordStore } from '../store/record-contract.ts';
import type { UpgradeInfo } from '../transport/contract.ts';
import type { AuditLog } from '../telemetry/contract.ts';
import type { Identity, Permission, TicketService } from './contract.ts';
import { checkRoles, grantsFrom } from './grants.ts';
import { grantShape, roleNameSchema } from './grant-schemas.ts';
import { parseRequest } from './parse-request.ts';
import { patternsFor } from './patterns.ts';
import { Refusal } from './refusal.ts';
import { hashOf, isTicketText, makeTicketText } from './secrets.ts';
import { earliest } from './stored-key.ts';
import { createTicketSchema } from './ticket-schemas.ts';

export interface TicketsOptions {
  records: RecordStore;
  permissionsOf(roles: readonly string[]): readonly Permission[];
  wall(): number;
  audit: AuditLog;
}

export interface Tickets extends TicketService {
  /** Whom a ticket lets in. It is used up, whatever comes of it. Throws `Refusal`. */
  redeem(ticket: string, upgrade: UpgradeInfo): Promise<Identity>;
}

const collection = 'tickets';

const storedTicketSchema = z.object({
  tenant: z.string(),
  subject: z.string(),
  roles: z.array(roleNameSchema),
  ...grantShape,
  credential: z.object({ id: z.string().optional(), secretNumber: z.number().optional() }),
  origin: z.string().optional(),
  /** When its connection ends at the latest. */
  until: z.int().optional(),
  /** How long its connection lives, from when it is used. */
  connectionMs: z.int().optional(),
});
type StoredTicket = z.infer<typeof storedTicketSchema>;

/** Tickets in the store, under their hashes: whoever reads the store cannot use them. */
export function createTickets({ records, permissionsOf, wall, audit }: TicketsOptions): Tickets {
  return {
    async issue(issuer, request) {
      const { origin, ttlSeconds, connectionSeconds, ...asked } = parseRequest(createTicketSchema, request);
      const kind = issuer.credential?.kind;
      if (kind === undefined || kind === 'ticket' || kind === 'anonymous')
        throw new ProtocolError('forbidden', 'A ticket needs a key or a token that it is made with.');
      const subject = asked.subject ?? issuer.subject;
      if (subject !== issuer.subject && kind === 'token')
        throw new ProtocolError('forbidden', 'A token makes tickets for its own subject alone.');
      const roles = [...(asked.roles ?? issuer.roles)];
      checkRoles(issuer, roles, permissionsOf);
      const now = wall();
      const expiresAt = Math.min(now + ttlSeconds * 1_000, issuer.expiresAt ?? Number.POSITIVE_INFINITY);
      if (expiresAt <= now) throw new Refusal('expired', issuer.credential?.id);
      const grants = grantsFrom(issuer, asked, subject);
      const ticket = makeTicketText();
      const stored = {
        tenant: issuer.tenant,
        subject,
        roles,
        ...grants,
        sessions: patternsFor(subject, grants.sessions),
        credential: { id: issuer.credential?.id, secretNumber: issuer.credential?.secretNumber },
        origin: origin?.toLowerCase(),
        until: issuer.expiresAt,
        connectionMs: connectionSeconds === undefined ? undefined : connectionSeconds * 1_000,
      };
      await records.write(collection, hashOf(ticket), JSON.stringify(stored), {
        ttlMs: expiresAt - now,
        only: 'new',
      });
      audit.note({
        act: 'ticket.created',
        tenant: issuer.tenant,
        subject: issuer.subject,
        key: issuer.credential?.id,
        target: subject,
      });
      return { ticket, expiresAt };
    },

    async redeem(ticket, upgrade) {
      if (!isTicketText(ticket)) throw new Refusal('malformed ticket');
      const text = await records.take(collection, hashOf(ticket));
      if (text === undefined) throw new Refusal('unknown, used or expired ticket');
      const stored: StoredTicket = storedTicketSchema.parse(JSON.parse(text));
      if (stored.origin !== undefined && upgrade.origin?.toLowerCase() !== stored.origin)
        throw new Refusal('ticket of another origin', stored.credential.id);
      const { origin: _origin, until, connectionMs, credential, ...identity } = stored;
      return {
        ...identity,
        permissions: permissionsOf(stored.roles),
        credential: { kind: 'ticket', ...credential },
        expiresAt: earliest(until, connectionMs === undefined ? undefined : wall() + connectionMs),
      };
    },
  };
}
