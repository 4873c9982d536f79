import type { Authenticator, Identity } from '../auth/contract.ts';
import type { Accounting } from '../limits/accounting.ts';

/** Rates that doors keep by themselves come from the quotas, too: the smaller one holds. */
export function withQuotas(authenticator: Authenticator, accounting: Accounting): Authenticator {
  const bounded = (identity: Identity): Identity => {
    const { tenant, subject, credential, team, tier, limits } = identity;
    const spender = { subject, key: credential?.id, team, tier, limits };
    const framesPerSecond = accounting.ceilingOf({ tenant, spender }, 'framesPerSecond')?.max;
    const requestsPerMinute = accounting.ceilingOf({ tenant, spender }, 'requestsPerMinute')?.max;
    if (framesPerSecond === undefined && requestsPerMinute === undefined) return identity;
    return { ...identity, limits: { ...limits, framesPerSecond, requestsPerMinute } };
  };
  return {
    authenticate(auth, upgrade) {
      const identity = authenticator.authenticate(auth, upgrade);
      return identity instanceof Promise ? identity.then(bounded) : bounded(identity);
    },
    recheck: (identity) => authenticator.recheck(identity),
    onRevoked: (callback) => authenticator.onRevoked(callback),
    close: () => authenticator.close(),
  };
}
