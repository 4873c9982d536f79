import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Identity } from '../auth/contract.ts';
import type { RecordStore } from '../store/record-contract.ts';
import type { Logger } from '../telemetry/contract.ts';
import { Problem } from './problem.ts';

/** An answer that may be given again. */
export interface KeptAnswer {
  status: number;
  contentType: string;
  body: string;
}

interface KeptRecord {
  fingerprint: string;
  /** The answer, encrypted; absent while it is being made. */
  sealed?: string | undefined;
}

export interface RepeatedRequest {
  identity: Identity;
  method: string;
  path: string;
  query: string;
  body: Uint8Array;
  key: string;
}

const keepMs = 24 * 60 * 60_000;
/** A process that dies while it makes an answer bars the key for this long. */
const makingMs = 60_000;
const secretCollection = 'http:secrets';

/**
 * Answers of requests that are sent again with the same `Idempotency-Key`, kept for a day, each caller's own. An answer may hold a new
 * credential: it is encrypted with a key made of the Idempotency-Key, which is not stored, and of a secret of the deployment. So
 * whoever reads the store alone learns nothing.
 */
export class IdempotentAnswers {
  readonly #records: RecordStore;
  readonly #logger: Logger;
  #secret: Promise<Buffer> | undefined;

  constructor(records: RecordStore, logger: Logger) {
    this.#records = records;
    this.#logger = logger;
  }

  /**
   * The answer of `make`, which runs once; failures are not kept. Throws `Problem` `idempotency_conflict` for another request under the
   * same key, and `request_in_progress`.
   */
  async once(request: RepeatedRequest, make: () => Promise<KeptAnswer>): Promise<KeptAnswer & { isReplay: boolean }> {
    const secret = await this.#deploymentSecret();
    const { tenant } = request.identity;
    const scope = scopeOf(request);
    const collection = `http:idempotency:${tenant}`;
    const id = createHmac('sha256', secret).update(scope).digest('hex');
    const fingerprint = fingerprintOf(request, secret);
    const cipherKey = Buffer.from(hkdfSync('sha256', request.key, secret, scope, 32));
    const isMine = await this.#records.write(collection, id, JSON.stringify({ fingerprint }), {
      ttlMs: makingMs,
      only: 'new',
    });
    if (!isMine)
      return { ...this.#existing(await this.#records.read(collection, id), fingerprint, cipherKey), isReplay: true };
    let answer: KeptAnswer;
    try {
      answer = await make();
    } catch (error) {
      await this.#records.take(collection, id).catch(() => undefined);
      throw error;
    }
    const record: KeptRecord = { fingerprint, sealed: seal(JSON.stringify(answer), cipherKey) };
    await this.#records.write(collection, id, JSON.stringify(record), { ttlMs: keepMs }).catch((error: unknown) => {
      this.#logger.warn({ error }, 'an answer could not be kept; a repeated request is answered anew after a minute');
    });
    return { ...answer, isReplay: false };
  }

  #existing(text: string | undefined, fingerprint: string, cipherKey: Buffer): KeptAnswer {
    // the one who had it failed just now
    if (text === undefined) throw inProgress();
    const record = JSON.parse(text) as KeptRecord;
    if (record.fingerprint !== fingerprint)
      throw new Problem('idempotency_conflict', 'This Idempotency-Key was used with another request; take a new one.');
    if (record.sealed === undefined) throw inProgress();
    return JSON.parse(unseal(record.sealed, cipherKey)) as KeptAnswer;
  }

  #deploymentSecret(): Promise<Buffer> {
    this.#secret ??= this.#readSecret().catch((error: unknown) => {
      this.#secret = undefined;
      throw error;
    });
    return this.#secret;
  }

  /** Made by the first node that needs it. */
  async #readSecret(): Promise<Buffer> {
    const fresh = randomBytes(32).toString('base64');
    await this.#records.write(secretCollection, 'idempotency', fresh, { only: 'new' });
    const text = await this.#records.read(secretCollection, 'idempotency');
    return Buffer.from(text ?? fresh, 'base64');
  }
}

/** Of a header: long enough that nobody guesses it, as a UUID is. Throws `Problem` `invalid_frame`. */
export function checkIdempotencyKey(key: string): string {
  if (/^[\x21-\x7e]{16,255}$/.test(key)) return key;
  const message = 'it takes 16 to 255 visible characters, such as a UUID';
  throw new Problem('invalid_frame', `The Idempotency-Key cannot be used: ${message}.`, {
    violations: [{ in: 'header', field: 'idempotency-key', message }],
  });
}

function inProgress(): Problem {
  return new Problem('request_in_progress', 'A request with this Idempotency-Key is being answered; try again.', {
    retryAfterMs: 1_000,
  });
}

function scopeOf({ identity, method, path, key }: RepeatedRequest): string {
  const { tenant, subject, credential } = identity;
  return JSON.stringify([tenant, credential?.kind, credential?.id, subject, method, path, key]);
}

/** Keyed: a body may be short enough to be guessed. */
function fingerprintOf({ query, body }: RepeatedRequest, secret: Buffer): string {
  const bodyHash = createHash('sha256').update(body).digest('hex');
  return createHmac('sha256', secret).update(`${query}\n${bodyHash}`).digest('hex');
}

/** AES-256-GCM: nonce, tag, text. A cipher key is used once, or again for the same answer made anew with a fresh nonce. */
function seal(text: string, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
}

function unseal(text: string, key: Buffer): string {
  const bytes = Buffer.from(text, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}
