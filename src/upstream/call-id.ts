import { randomUUID } from 'node:crypto';

/** Names a tool call to which the provider gave no id. */
export function createRandomCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}
