import { wireLimits } from './limits.ts';
import { ProtocolError } from './protocol-error.ts';

/** Refuses JSON text that is nested too deeply or has too many items, before it is parsed. */
export function scanJson(text: string): void {
  let depth = 0;
  let items = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i);
        break;
      case 0x7b: // {
      case 0x5b: // [
        items++;
        if (++depth > wireLimits.maxDepth) {
          throw new ProtocolError('malformed_message', `The message is nested deeper than ${wireLimits.maxDepth}.`);
        }
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // ,
      case 0x3a: // :
        items++;
        break;
    }
  }
  if (items > wireLimits.maxItems) {
    throw new ProtocolError('malformed_message', `The message has more than ${wireLimits.maxItems} items.`);
  }
}

/** Index of the quote that closes the string opened at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let close = text.indexOf('"', start + 1);
  while (close !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(close - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return close;
    close = text.indexOf('"', close + 1);
  }
  return text.length;
}
