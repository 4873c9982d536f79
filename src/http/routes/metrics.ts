import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Identity } from '../../auth/contract.ts';
import { requirePermission } from '../../auth/permissions.ts';
import type { Asker } from '../gate.ts';
import { type ApiRequest, defineRoute, type Route } from '../contract.ts';
import type { HttpServices } from '../services.ts';

/**
 * Figures for Prometheus: for whoever asks from this machine itself, without a proxy between, for whoever has the token, and
 * for admins.
 */
export function metricsRoutes({ figures, metricsToken, authenticate }: HttpServices & AsksItself): Route[] {
  if (figures === undefined) return [];
  return [
    defineRoute({
      name: 'readMetrics',
      method: 'GET',
      path: '/metrics',
      summary: 'Figures in the text format of Prometheus',
      access: 'public',
      params: z.strictObject({}),
      query: z.strictObject({}),
      answer: {
        status: 200,
        description: 'The figures',
        data: z.string(),
        isWhole: true,
        types: ['text/plain'],
      },
      problems: [401, 403],
      async answerTo(request) {
        const isOpen = isLocal(request) || (metricsToken !== undefined && holdsToken(request, metricsToken));
        if (!isOpen) requirePermission(await authenticate(request), 'admin');
        return { status: 200, headers: { 'content-type': figures.contentType }, body: await figures.text() };
      },
    }),
  ];
}

/** For a route that is open to some without a credential. */
export interface AsksItself {
  authenticate(request: Pick<Asker, 'header' | 'address'>): Promise<Identity>;
}

function isLocal({ address, header }: ApiRequest<unknown, unknown, unknown>): boolean {
  const isProxied = header('x-forwarded-for') !== undefined || header('forwarded') !== undefined;
  return (
    !isProxied &&
    (address.startsWith('127.') || address === '::1' || address === '0000:0000:0000:0000:0000:0000:0000:0001')
  );
}

/** In a time that does not tell how much of it was right. */
function holdsToken({ header }: ApiRequest<unknown, unknown, unknown>, token: string): boolean {
  const [, given = ''] = /^bearer +(\S+)$/i.exec(header('authorization') ?? '') ?? [];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
