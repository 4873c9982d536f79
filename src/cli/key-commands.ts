import type { KeyService } from '../auth/contract.ts';
import type { CreateKeyRequest, Key, KeyWithSecret } from '../auth/key-schemas.ts';

/** What the commands ask of keys, wherever those are. */
export interface KeyCommands {
  create(request: CreateKeyRequest): Promise<KeyWithSecret>;
  list(request: { tenant?: string | undefined; after?: string | undefined }): ReturnType<KeyService['list']>;
  rotate(id: string, overlapSeconds: number): Promise<KeyWithSecret | undefined>;
  revoke(id: string): Promise<Key | undefined>;
}

export interface KeyFlags {
  config?: string;
  store?: string;
  data?: string;
  url?: string;
  key?: string;
  json?: boolean;
}
