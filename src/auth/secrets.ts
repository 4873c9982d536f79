import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { RecordStore } from '../store/record-contract.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 16;
/** 43 × log2(62) = 256 bits. */
const secretLength = 43;
const keyPattern = /^pk_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})$/;
const ticketPattern = /^tk_[0-9A-Za-z]{43}$/;

function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      // what is left of the byte's range would make some letters likelier than others
      if (byte < 248 && text.length < length) text += alphabet[byte % 62]!;
    }
  }
  return text;
}

/** A new API key: `pk_<id>_<secret>`, both random; the beginning lets scanners find leaked ones. */
export function makeKeyText(id: string = randomText(idLength)): { id: string; secret: string; text: string } {
  const secret = randomText(secretLength);
  return { id, secret, text: `pk_${id}_${secret}` };
}

export function parseKeyText(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = keyPattern.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function makeTicketText(): string {
  return `tk_${randomText(secretLength)}`;
}

export function isTicketText(text: string): boolean {
  return ticketPattern.test(text);
}

/** Of a random text of 256 bits, which nobody finds by trying. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** Makes and compares the hashes under which secrets of keys are kept. */
export class SecretDigest {
  readonly #pepper: Buffer;

  constructor(pepper: Buffer) {
    this.#pepper = pepper;
  }

  of(secret: string): string {
    return this.#digest(secret).toString('base64url');
  }

  /** In a time that depends on neither; with no `expected` as long as with one. */
  matches(secret: string, expected: readonly string[]): number {
    const digest = this.#digest(secret);
    const none = Buffer.alloc(digest.length);
    let found = -1;
    for (const [i, text] of (expected.length === 0 ? [''] : expected).entries()) {
      const candidate = Buffer.from(text, 'base64url');
      const isWhole = candidate.length === digest.length;
      if (timingSafeEqual(digest, isWhole ? candidate : none) && isWhole) found = i;
    }
    return found;
  }

  #digest(secret: string): Buffer {
    return createHmac('sha256', this.#pepper).update(secret).digest();
  }
}

const collection = 'auth';
const pepperId = 'pepper';

/**
 * The secret that hashes of keys are made with: the configured one, else one that the first node leaves in the store for
 * all. Of another secret the keys of before are void.
 */
export async function loadSecretDigest(records: RecordStore, configured: string | undefined): Promise<SecretDigest> {
  if (configured !== undefined) return new SecretDigest(createHash('sha256').update(configured).digest());
  await records.write(collection, pepperId, JSON.stringify({ pepper: randomBytes(32).toString('base64url') }), {
    only: 'new',
  });
  const text = await records.read(collection, pepperId);
  if (text === undefined) throw new Error('the secret of the keys cannot be read');
  return new SecretDigest(Buffer.from((JSON.parse(text) as { pepper: string }).pepper, 'base64url'));
}
