import { appendFileSync } from 'node:fs';
import type { AuditEntry, AuditLog, Logger } from './contract.ts';

export interface AuditLogOptions {
  /** Default: the log. */
  file?: string | undefined;
  logger: Logger;
  /** Milliseconds since 1970. */
  wall(): number;
}

/** Ids are short; what is longer was made up by whoever asks. */
const maxLength = 256;

/**
 * Writes one JSON line per act, to the file (made with mode 0600) or to the log. The file is opened for each line, so it may be
 * moved away at any time. Throws when it cannot be written at the start; later trouble is told in the log, with the act.
 */
export function createAuditLog({ file, logger, wall }: AuditLogOptions): AuditLog {
  const toLog = (line: object): void => logger.info({ audit: true, ...line }, 'an act that matters to security');
  if (file === undefined) return { note: (entry) => toLog(lineOf(entry, wall())) };
  try {
    append(file, '');
  } catch (cause) {
    throw new Error(`The audit file ${file} cannot be written; check audit.file.`, { cause });
  }
  return {
    note(entry) {
      const line = lineOf(entry, wall());
      try {
        append(file, `${JSON.stringify(line)}\n`);
      } catch (error) {
        logger.error({ error }, 'the audit file cannot be written; the act follows');
        toLog(line);
      }
    },
  };
}

function append(file: string, text: string): void {
  appendFileSync(file, text, { mode: 0o600 });
}

/** Field by field, so that nothing else of an entry gets in. */
function lineOf(entry: AuditEntry, atMs: number): Record<string, string | number | undefined> {
  const { act, tenant, subject, key, address, connection, request, target, reason, count } = entry;
  const fields = { act, tenant, subject, keyId: key, address, connection, request, target, reason };
  return {
    time: new Date(atMs).toISOString(),
    ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value?.slice(0, maxLength)])),
    ...(count === undefined ? {} : { count }),
  };
}
