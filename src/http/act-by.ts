import type { Identity } from '../auth/contract.ts';
import type { AuditEntry } from '../telemetry/contract.ts';

/** What the audit log says of a request: who did it, from where. */
export function actBy(
  { tenant, subject, credential }: Identity,
  { id, address }: { id: string; address: string },
  entry: Pick<AuditEntry, 'act' | 'target'>,
): AuditEntry {
  return { ...entry, tenant, subject, key: credential?.id, address, request: id };
}
