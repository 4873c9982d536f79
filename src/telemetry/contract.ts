/** Where the rooms report; never given prompt text, answers or secrets. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** An act that matters to security. Never holds a secret, not even a part of one. */
export interface AuditEntry {
  act:
    | 'credential.refused'
    | 'credential.renewed'
    | 'credential.expired'
    | 'credential.revoked'
    | 'forbidden'
    | 'key.created'
    | 'key.rotated'
    | 'key.revoked'
    | 'ticket.created'
    | 'session.exported'
    | 'session.erased'
    | 'usage.read';
  tenant?: string | undefined;
  subject?: string | undefined;
  /** Id of the credential. */
  key?: string | undefined;
  address?: string | undefined;
  /** Id of connection or request. */
  connection?: string | undefined;
  request?: string | undefined;
  /** What it was done to, or why it was refused; never shown to the one who was. */
  target?: string | undefined;
  reason?: string | undefined;
}

export interface AuditLog {
  note(entry: AuditEntry): void;
}

export const silentAudit: AuditLog = { note: () => {} };
