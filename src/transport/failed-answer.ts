import type { HttpResponse } from './contract.ts';

/** For a handler that broke its promise not to fail. */
export const failedAnswer: HttpResponse = {
  status: 500,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: 'The gateway failed.\n',
};
