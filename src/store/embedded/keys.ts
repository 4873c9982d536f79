import type { SessionKey } from '../contract.ts';
import type { DatabaseKey, KeyRange } from './journaled-database.ts';

/** Every key of the embedded store; the tenant comes right after the kind, so one tenant never reads another's range. */
export const keys = {
  session: (key: SessionKey) => ['session', key.tenant, key.session],
  turn: (key: SessionKey, turn: string) => ['turn', key.tenant, key.session, turn],
  entry: (key: SessionKey, end: number) => ['entry', key.tenant, key.session, end],
  text: (key: SessionKey, id: string) => ['text', key.tenant, key.session, id],
  summary: (key: SessionKey) => ['summary', key.tenant, key.session],
  /** Sessions of a tenant by the time of their last use. */
  used: (key: SessionKey, at: number) => ['used', key.tenant, at, key.session],
  usedRange: (tenant: string) => ({ start: ['used', tenant], end: ['used', tenant, keyAfterStrings] }),
  tenant: (tenant: string) => ['tenant', tenant],
  tenantRange: () => ({ start: ['tenant'], end: ['tenant', keyAfterStrings] }),
  tombstone: (key: SessionKey, turn: string) => ['tombstone', key.tenant, key.session, turn],
  /** Present while the session has a turn that has not ended. */
  unfinished: (key: SessionKey) => ['unfinished', key.tenant, key.session],
  unfinishedRange: () => ({ start: ['unfinished'], end: ['unfinished', keyAfterStrings] }),
  tombstoneRange: () => ({ start: ['tombstone'], end: ['tombstone', keyAfterStrings] }),
  meter: (tenant: string, name: string) => ['meter', tenant, name],
  account: (tenant: string, account: string) => ['account', tenant, account],
  accountsRange: () => ({ start: ['account'], end: ['account', keyAfterStrings] }),
  ledger: (tenant: string, at: number, turn: string, attempt: number) => ['ledger', tenant, at, turn, attempt],
  ledgerFrom: (tenant: string, at: number) => ['ledger', tenant, at],
  ledgerTenant: (tenant: string) => ['ledger-tenant', tenant],
  ledgerTenantRange: () => ({ start: ['ledger-tenant'], end: ['ledger-tenant', keyAfterStrings] }),
  record: (collection: string, id: string) => ['record', collection, id],
  /** Records that stay, from behind `after` on. */
  recordRange: (collection: string, after: string | undefined) => ({
    start: after === undefined ? ['record', collection] : ['record', collection, after],
    end: ['record', collection, keyAfterStrings],
    ...(after === undefined ? {} : { exclusiveStart: true }),
  }),
  recordVersion: (collection: string) => ['record-version', collection],
  passingRecord: (collection: string, id: string) => ['passing-record', collection, id],
  /** Records that run out, by when they do. */
  runningOut: (collection: string, id: string, at: number) => ['running-out', at, collection, id],
  runOutRange: (until: number) => ({ start: ['running-out'], end: ['running-out', until, keyAfterStrings] }),
  sessionRange: (kind: 'turn' | 'entry' | 'tombstone' | 'text', key: SessionKey) => ({
    start: [kind, key.tenant, key.session],
    end: [kind, key.tenant, key.session, keyAfterStrings],
  }),
} satisfies Record<string, (...args: never[]) => DatabaseKey | KeyRange>;

// in lmdb's ordered keys bytes sort after strings and numbers
const keyAfterStrings = new Uint8Array([0xff]);
