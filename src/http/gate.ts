import type { Identity } from '../auth/contract.ts';
import { requirePermission } from '../auth/permissions.ts';
import { networkOf } from '../lib/network-of.ts';
import { actBy } from './act-by.ts';
import type { ApiRequest, Route } from './contract.ts';
import { Problem, problemOf } from './problem.ts';
import { RequestRates } from './request-rates.ts';
import type { HttpServices } from './services.ts';

/** Who asks, as far as that is known before the request is read. */
export type Asker = Pick<ApiRequest<unknown, unknown, unknown>, 'id' | 'header' | 'address'>;

/** A refused credential counts as this many requests, so that guessing is slow. */
const refusalCost = 20;

/** Of a route that asks nobody. */
const nobody: Identity = { tenant: '', subject: '', roles: [], permissions: [] };

/** Decides who comes in: by address, by credential, by permission. */
export class Gate {
  readonly #services: HttpServices;
  readonly #rates: RequestRates;

  constructor(services: HttpServices) {
    this.#services = services;
    this.#rates = new RequestRates(services.clock);
  }

  /** Throws `Problem` `rate_limited`. */
  checkAddress(address: string): void {
    const { limits, metrics } = this.#services;
    const retryAfterMs = this.#rates.take(addressName(address), limits.requestsPerMinute);
    if (retryAfterMs === undefined) return;
    metrics.limitRefused('requestsPerMinute', 'address');
    throw new Problem('rate_limited', 'There are too many requests from this address.', { retryAfterMs });
  }

  /** The identity that may take this route. Throws `Problem` `unauthorized`, `rate_limited` or `forbidden`. */
  async admit(route: Route, asker: Asker): Promise<Identity> {
    if (route.access === 'public') return nobody;
    const identity = await this.authenticate(asker);
    this.#checkRate(identity);
    if (route.access === 'identity') return identity;
    try {
      requirePermission(identity, route.access);
    } catch (error) {
      this.#services.audit.note(actBy(identity, asker, { act: 'forbidden', target: route.name }));
      throw error;
    }
    return identity;
  }

  async authenticate({ header, address }: Pick<Asker, 'header' | 'address'>): Promise<Identity> {
    const { authenticator, limits, metrics } = this.#services;
    const authorization = header('authorization');
    try {
      const upgrade = { remoteAddress: address, origin: header('origin'), authorization, ticket: undefined };
      const identity = await authenticator.authenticate(undefined, upgrade);
      authenticator.recheck(identity);
      return identity;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code !== 'unauthorized') throw error;
      metrics.authRefused('http');
      this.#rates.charge(addressName(address), refusalCost, limits.requestsPerMinute);
      const headers = { 'www-authenticate': challengeOf(authorization) };
      throw new Problem('unauthorized', problem.message, { headers, cause: error });
    }
  }

  #checkRate({ tenant, subject, credential, limits }: Identity): void {
    if (limits?.requestsPerMinute === undefined) return;
    const name = JSON.stringify([tenant, credential?.kind, credential?.id ?? subject]);
    const retryAfterMs = this.#rates.take(`credential ${name}`, limits.requestsPerMinute);
    if (retryAfterMs === undefined) return;
    this.#services.metrics.limitRefused('requestsPerMinute', 'key');
    throw new Problem('rate_limited', 'There are too many requests with this credential.', { retryAfterMs });
  }
}

function addressName(address: string): string {
  return `address ${networkOf(address)}`;
}

/** RFC 6750, section 3: a request without a credential is not told that something is wrong with it. */
function challengeOf(authorization: string | undefined): string {
  return authorization === undefined ? 'Bearer realm="parley"' : 'Bearer realm="parley", error="invalid_token"';
}
