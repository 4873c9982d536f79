import { type ChatFrames, countPromptTokens, createChatFrames } from './chat-frames.ts';
import type { DoubleRequest } from './double-request.ts';
import type { StreamFault, StreamPlan } from './plan.ts';
import type { ResponseWriter } from './response-writer.ts';
import { tokenText } from './token-text.ts';

/** The turn that determines the text: the client's request id, else how many user messages there are. */
export function turnOf(request: DoubleRequest, plan: StreamPlan): string {
  const id = request.headers['x-client-request-id'];
  const users = request.body.messages?.filter((message) => message.role === 'user').length ?? 0;
  return plan.turn ?? (typeof id === 'string' ? id : String(users));
}

function prefixOf(request: DoubleRequest): string {
  const last = request.body.messages?.at(-1);
  return last?.role === 'assistant' && typeof last.content === 'string' ? last.content : '';
}

/** Plays a stream with its fault. */
export async function playStream(plan: StreamPlan, request: DoubleRequest, writer: ResponseWriter): Promise<void> {
  const frames = createChatFrames(request, plan);
  const { fault } = plan;
  const seed = plan.seed ?? 1;
  const turn = turnOf(request, plan);
  if (fault?.kind === 'hangBeforeHead') await writer.hang();
  writer.head(200, { 'content-type': 'text/event-stream', ...plan.headers });
  if (plan.byteOrderMark === true) await writer.write(Uint8Array.of(0xef, 0xbb, 0xbf));
  await writer.write(frames.role());
  await writer.wait(plan.firstTokenMs ?? 0);

  const reasoningTokens = plan.reasoningTokens ?? 0;
  for (let index = 0; index < reasoningTokens; index += 1) {
    await writer.write(frames.reasoning(tokenText(seed, `${turn}/reasoning`, index)));
    await writer.wait(plan.intervalMs ?? 0);
  }

  const bound = request.body.max_completion_tokens ?? request.body.max_tokens ?? Number.POSITIVE_INFINITY;
  const wanted = fault?.kind === 'neverEnds' ? Number.POSITIVE_INFINITY : (plan.tokens ?? 20);
  const tokens = Math.min(wanted, bound);
  const perWrite = plan.tokensPerWrite ?? 1;
  let batch = '';
  // a last message of the assistant is the beginning of the answer
  let said = prefixOf(request);
  for (let index = 0; index < tokens; index += 1) {
    const token = tokenText(seed, turn, index);
    if (said.length >= token.length && said.startsWith(token)) {
      said = said.slice(token.length);
      continue;
    }
    if (fault !== undefined && 'afterTokens' in fault && fault.afterTokens === index) {
      if (batch !== '') await writer.write(batch);
      if (await playFault(fault, frames, writer)) return;
      batch = '';
    }
    batch += frames.text(token.slice(said.length));
    said = '';
    request.tokensWritten += 1;
    if ((index + 1) % perWrite === 0 || index + 1 === tokens) {
      await writer.write(batch);
      batch = '';
      await writer.wait(plan.intervalMs ?? 0);
    }
  }
  if (fault !== undefined && 'afterTokens' in fault && fault.afterTokens >= tokens) {
    if (await playFault(fault, frames, writer)) return;
  }
  await playEnd(plan, request, frames, writer, tokens < wanted ? 'length' : undefined);
}

async function playEnd(
  plan: StreamPlan,
  request: DoubleRequest,
  frames: ChatFrames,
  writer: ResponseWriter,
  forcedFinish: string | undefined,
): Promise<void> {
  for (const [index, call] of (plan.toolCalls ?? []).entries()) {
    await writer.write(frames.toolStart(index, call.id, call.name));
    for (let at = 0; at < call.arguments.length; at += 7) {
      await writer.write(frames.toolPiece(index, call.arguments.slice(at, at + 7)));
    }
  }
  const usual = (plan.toolCalls?.length ?? 0) > 0 ? 'tool_calls' : 'stop';
  await writer.write(frames.finish(forcedFinish ?? plan.finishReason ?? usual));
  if (plan.usage !== false) {
    const prompt = countPromptTokens(request);
    const reasoning = plan.reasoningTokens ?? 0;
    const completion = request.tokensWritten + reasoning;
    await writer.write(
      frames.usage({
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        completion_tokens_details: { reasoning_tokens: reasoning },
      }),
    );
  }
  if (plan.fault?.kind !== 'withoutDone') await writer.write(frames.done());
  if (plan.fault?.kind === 'chatterAfterDone') {
    await writer.write(frames.text('late') + frames.raw('{"nonsense') + frames.done());
    await writer.hang();
  }
  if (plan.fault?.kind === 'openAfterDone') await writer.hang();
  writer.end();
}

/** Returns whether the answer is over. */
async function playFault(fault: StreamFault, frames: ChatFrames, writer: ResponseWriter): Promise<boolean> {
  switch (fault.kind) {
    case 'hang':
      return writer.hang();
    case 'commentsForEver':
    case 'emptyChunksForEver':
      for (;;) {
        await writer.write(fault.kind === 'commentsForEver' ? frames.comment() : frames.empty());
        await writer.wait(fault.intervalMs);
      }
    case 'hugeDelta':
      await writer.write(frames.text('x'.repeat(fault.letters)));
      return false;
    case 'hugeLine':
      await writer.write('data: {"');
      for (let left = fault.bytes; left > 0; left -= 65_536) await writer.write('y'.repeat(Math.min(left, 65_536)));
      await writer.write('\n\n');
      return false;
    case 'truncate':
      writer.end();
      return true;
    case 'cutMidJson':
      await writer.write(`data: ${frames.textJson('cut').slice(0, 60)}`);
      writer.end();
      return true;
    case 'reset':
      await writer.reset();
      return true;
    case 'malformedJson':
      await writer.write(frames.raw('{"choices":[{"delta":{"content":"oops}}]}'));
      return false;
    case 'twoObjectsInALine':
      await writer.write(frames.raw(frames.textJson('one') + frames.textJson('two')));
      return false;
    case 'errorEvent':
      await writer.write(frames.error(fault.error));
      return false;
    default:
      return false;
  }
}
