import { z } from 'zod';
import { createTicketSchema, ticketSchema } from '../../auth/ticket-schemas.ts';
import { defineRoute, type Route } from '../contract.ts';
import { Problem } from '../problem.ts';
import type { HttpServices } from '../services.ts';

/** Makes tickets, with which browsers open sockets. */
export function ticketRoutes({ tickets, audit }: HttpServices): Route[] {
  if (tickets === undefined) return [];
  return [
    defineRoute({
      name: 'createTicket',
      method: 'POST',
      path: '/v1/tickets',
      summary: 'Makes a ticket that opens one socket within seconds, and allows no more than its issuer may do',
      access: 'chat',
      params: z.strictObject({}),
      query: z.strictObject({}),
      body: createTicketSchema,
      answer: { status: 201, description: 'The ticket', data: ticketSchema },
      async answerTo({ id, body, address }, identity) {
        const { tenant, subject, credential } = identity;
        if (credential?.kind === 'ticket') throw new Problem('forbidden', 'A ticket cannot be had for a ticket.');
        const ticket = await tickets.issue(identity, body);
        const target = body.subject ?? subject;
        audit.note({ act: 'ticket.created', tenant, subject, key: credential?.id, address, request: id, target });
        return { status: 201, data: ticket };
      },
    }),
  ];
}
