import type { AuditEntry, AuditLog, Logger } from '../../src/telemetry/contract.ts';

/** Everything that a gateway logs and notes, to look for what must not be in there. */
export interface AuditTrail {
  audit: AuditLog;
  logger: Logger;
  entries: AuditEntry[];
  /** Log and audit log as text. */
  text(): string;
}

export function createAuditTrail(): AuditTrail {
  const entries: AuditEntry[] = [];
  const lines: string[] = [];
  const log = (fields: object, message: string): void => {
    lines.push(
      `${message} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? String(value.stack) + String(value.cause) : value))}`,
    );
  };
  return {
    audit: { note: (entry) => void entries.push(entry) },
    logger: { debug: log, info: log, warn: log, error: log },
    entries,
    text: () => [...lines, ...entries.map((entry) => JSON.stringify(entry))].join('\n'),
  };
}
