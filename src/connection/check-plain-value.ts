import { ProtocolError } from '../../protocol/protocol-error.ts';

/** Nesting of a tool's output: with what frames put around it, it stays within the wire's own bound. */
const maxDepth = 8;
const maxItems = 4_096;

/** Refuses a tool's output that could not be sent back in an event or in a page of history. Throws `invalid_frame`. */
export function checkPlainValue(output: unknown): void {
  let items = 0;
  const visit = (value: unknown, depth: number): void => {
    if (++items > maxItems || depth > maxDepth) {
      throw new ProtocolError(
        'invalid_frame',
        `tool.result: “output” has more than ${maxItems} items or ${maxDepth} levels; send it as a JSON text.`,
      );
    }
    if (typeof value !== 'object' || value === null) return;
    for (const item of Object.values(value)) visit(item, depth + 1);
  };
  visit(output, 0);
}
