import type { Welcome } from '../../protocol/frames/hello.ts';
import type { Authenticator, Identity } from '../auth/contract.ts';
import type { Clock } from '../lib/clock.ts';
import type { SocketPlace } from '../limits/accounting.ts';
import type { Spender } from '../limits/contract.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { SessionKey, Store } from '../store/contract.ts';
import type { AuditLog, Logger } from '../telemetry/contract.ts';
import type { TurnService } from '../turn/turn-service.ts';

export interface ConnectionLimits {
  helloMs: number;
  heartbeatMs: number;
  maxMessageBytes: number;
  maxInputBytes: number;
  maxMediaBytes: number;
  maxAttachments: number;
  maxQueuedTurns: number;
  /** A socket that stays congested for this long is closed with 4001. */
  slowConsumerMs: number;
  /** Bytes of text in one page of history. */
  maxHistoryBytes: number;
  /** Frames of one socket, where its credential does not say. */
  framesPerSecond: number;
}

/** The names by which settings or a turn choose their way. */
export interface AskedRoute {
  route?: string | null | undefined;
  model?: string | null | undefined;
  metadata?: Readonly<Record<string, string>> | null | undefined;
}

/** What connections need of the rest of the gateway. */
export interface ConnectionEnvironment {
  registry: SessionRegistry;
  turns: TurnService;
  store: Store;
  clock: Clock;
  logger: Logger;
  authenticator: Authenticator;
  /** Undefined where nothing limits sockets; a place that was taken is given back when the socket is closed. */
  socketPlace?(tenant: string, connection: string, spender: Spender): SocketPlace | undefined;
  audit: AuditLog;
  /** A credential was not taken. */
  authRefused(): void;
  /** Throws `forbidden` when what is asked for goes where the identity may not. */
  checkRoute(identity: Identity, key: SessionKey, asked: AskedRoute): void;
  limits: ConnectionLimits;
  node: string;
  caps: readonly string[];
  /** What answers a turn that asks for nothing in particular. */
  defaultUpstream(): Welcome['upstream'];
  newConnectionId(): string;
  onClosed(connection: object): void;
}
