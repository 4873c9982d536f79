import { z } from 'zod';
import { createTicketSchema, ticketSchema } from '../../auth/ticket-schemas.ts';
import { defineRoute, type Route } from '../contract.ts';
import type { HttpServices } from '../services.ts';

/** Makes tickets, with which browsers open sockets. */
export function ticketRoutes({ tickets }: HttpServices): Route[] {
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
      async answerTo({ body }, identity) {
        return { status: 201, data: await tickets.issue(identity, body) };
      },
    }),
  ];
}
