import type { DoubleRequest } from './double-request.ts';
import type { BytesPlan, ForeverPlan } from './plan.ts';
import type { ResponseWriter } from './response-writer.ts';

/** Writes fixed bytes, each part in a turn of the event loop of its own, so that it is likely to be a packet of its own. */
export async function playBytes(plan: BytesPlan, writer: ResponseWriter): Promise<void> {
  const bytes = typeof plan.bytes === 'string' ? Buffer.from(plan.bytes) : Buffer.from(plan.bytes);
  writer.head(plan.status ?? 200, { 'content-type': 'text/event-stream', ...plan.headers });
  for (const part of splitBytes(bytes, plan)) {
    await writer.write(part);
    await writer.wait(0);
  }
  if (plan.ending === 'hang') await writer.hang();
  else if (plan.ending === 'reset') await writer.reset();
  else writer.end();
}

/** Never ends by itself. */
export async function playForever(plan: ForeverPlan, request: DoubleRequest, writer: ResponseWriter): Promise<never> {
  writer.head(200, { 'content-type': 'text/event-stream' });
  await writer.write(plan.bytes);
  for (;;) {
    await writer.wait(plan.intervalMs);
    await writer.write(plan.piece);
    request.tokensWritten += 1;
  }
}

function splitBytes(bytes: Buffer, plan: BytesPlan): Buffer[] {
  const offsets = [...(plan.splitAt ?? [])];
  if (plan.bytesPerWrite !== undefined) {
    for (let at = plan.bytesPerWrite; at < bytes.length; at += plan.bytesPerWrite) offsets.push(at);
  }
  const parts: Buffer[] = [];
  let start = 0;
  for (const offset of [...offsets, bytes.length]) {
    if (offset > start) parts.push(bytes.subarray(start, offset));
    start = Math.max(start, offset);
  }
  return parts;
}
