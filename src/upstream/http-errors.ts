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
    return new UpstreamError('upstream_unreachable', whyUnreachable(cause), details);
  }
  if (phase === 'waiting') {
    const message = isAboutCertificates(cause)
      ? 'The provider asks for a client certificate that it trusts.'
      : 'The provider closed the connection without an answer.';
    return new UpstreamError('upstream_error', message, details);
  }
  return new UpstreamError('upstream_truncated', 'The connection broke in the middle of the answer.', details);
}

const unknownIssuer = 'The certificate of the provider is of an authority that the gateway does not trust.';
const noRoute = 'The network of the provider cannot be reached.';
const notFound = 'The name of the provider could not be found.';
const notTls = 'The provider does not speak TLS, or not in a version that the gateway takes.';
const tookTooLong = 'The connection to the provider was not answered in time.';

/** In the words of the failure and without hosts, by the codes of getaddrinfo, connect and OpenSSL. */
const unreachableMessages: Readonly<Record<string, string>> = {
  PARLEY_ADDRESS_REFUSED: 'The provider is in a private network, where this upstream may not connect to.',
  ENOTFOUND: notFound,
  EAI_NODATA: notFound,
  EAI_NONAME: notFound,
  EAI_AGAIN: 'The name of the provider could not be looked up just now.',
  ECONNREFUSED: 'The provider refused the connection.',
  ECONNRESET: 'The provider closed the connection while it was being made.',
  EPIPE: 'The provider closed the connection while it was being made.',
  ENETUNREACH: noRoute,
  EHOSTUNREACH: noRoute,
  ENETDOWN: noRoute,
  EHOSTDOWN: noRoute,
  EADDRNOTAVAIL: noRoute,
  ETIMEDOUT: tookTooLong,
  CERT_HAS_EXPIRED: 'The certificate of the provider has expired.',
  CERT_NOT_YET_VALID: 'The certificate of the provider is not valid yet.',
  CERT_REVOKED: 'The certificate of the provider was revoked.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'The certificate of the provider is self-signed, and the gateway does not know it.',
  SELF_SIGNED_CERT_IN_CHAIN: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  CERT_UNTRUSTED: unknownIssuer,
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate of the provider is for another name.',
  EPROTO: notTls,
};

function whyUnreachable(cause: Error): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (isAboutCertificates(cause)) return 'The provider asks for a client certificate that it trusts.';
  const known = code === undefined ? undefined : unreachableMessages[code];
  if (known !== undefined) return known;
  return code?.startsWith('ERR_SSL_') === true ? notTls : 'No connection to the provider could be made.';
}

/** The provider's words over the gateway's own certificate; with TLS 1.3 they come after the handshake. */
function isAboutCertificates(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return /^ERR_SSL_\w+_ALERT_(CERTIFICATE_\w+|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE)$/.test(code);
}

function isProtocolError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW';
}
