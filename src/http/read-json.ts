import { Problem } from './problem.ts';

/** A body as a value; one that is empty is an empty object. Throws `Problem` for what is not JSON in UTF-8. */
export function readJson(bytes: Uint8Array, contentType: string | undefined): unknown {
  if (bytes.byteLength === 0) return {};
  if (!/^application\/json *(?:; *charset="?utf-8"? *)?$/i.test(contentType?.trim() ?? ''))
    throw new Problem('unsupported_media_type', 'The body must be JSON, with the content type application/json.');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new Problem('malformed_message', 'The body is not JSON in UTF-8.', { cause });
  }
}
