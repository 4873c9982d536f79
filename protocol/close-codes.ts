/**
 * WebSocket close codes. The range says what a client does next:
 * 4000–4199 reconnect and attach with the cursor, 4200–4299 get a new credential first, 4300–4499 stop.
 */
export const closeCodes = {
  going_away: 4000,
  slow_consumer: 4001,
  no_pong: 4002,
  internal: 4003,
  overloaded: 4004,
  lease_lost: 4005,
  credential_expired: 4200,
  unauthorized: 4201,
  protocol_error: 4300,
  unsupported_version: 4301,
  forbidden: 4302,
  erased: 4303,
  limit: 4305,
  message_too_large: 4306,
  hello_timeout: 4307,
} as const;

export type CloseReason = keyof typeof closeCodes;

export type CloseAction = 'reconnect' | 'renew' | 'stop';

/** What a client does after a close with this code; codes outside 4000–4499 (1006, 1001, …) mean reconnect. */
export function closeAction(code: number): CloseAction {
  if (code >= 4200 && code <= 4299) return 'renew';
  if ((code >= 4300 && code <= 4499) || code === 1009) return 'stop';
  return 'reconnect';
}
