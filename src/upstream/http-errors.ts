import { UpstreamError } from './contract.ts';
import type { WatchdogPhase } from './watchdog.ts';

/** A bound of silence ran out; the message names the phase and the bound. */
export function answerTimedOut(phase: WatchdogPhase, boundMs: number): UpstreamError {
  return new UpstreamError('upstream_timeout', timeoutMessages[phase](boundMs));
}

const timeoutMessages: Record<WatchdogPhase, (boundMs: number) => string> = {
  connect: (boundMs) => `Connect timeout: no connection to the provider within ${boundMs} ms.`,
  firstToken: (boundMs) => `First token timeout: the provider sent nothing within ${boundMs} ms of the request.`,
  idle: (boundMs) => `Idle timeout: the provider sent no further piece for ${boundMs} ms.`,
  total: (boundMs) => `Total timeout: the answer took longer than ${boundMs} ms.`,
};

/** The connection broke without being asked to. The cause is kept for the log; it may name hosts. */
export function brokenConnection(phase: 'connecting' | 'waiting' | 'reading', cause: Error): UpstreamError {
  const details = { cause };
  if (isProtocolError(cause)) {
    return new UpstreamError('upstream_malformed', 'The provider broke the rules of HTTP.', details);
  }
  if (phase === 'connecting') {
    return new UpstreamError('upstream_unreachable', 'No connection to the provider could be made.', details);
  }
  if (phase === 'waiting') {
    return new UpstreamError('upstream_error', 'The provider closed the connection without an answer.', details);
  }
  return new UpstreamError('upstream_truncated', 'The connection broke in the middle of the answer.', details);
}

function isProtocolError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW';
}
