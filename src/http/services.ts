import type { Authenticator, KeyService, TicketService } from '../auth/contract.ts';
import type { QueryUsage } from '../ledger/contract.ts';
import type { Clock } from '../lib/clock.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { Session } from '../session/session.ts';
import type { Store } from '../store/contract.ts';
import type { AuditLog, Logger, Metrics } from '../telemetry/contract.ts';
import type { IsOriginAllowed } from './cors.ts';

/** A model that a turn may ask for. */
export interface ServedModel {
  /** Name to ask for. */
  model: string;
  /** Absent for a group of models. */
  upstream?: string | undefined;
  /** Answers a turn that asks for nothing in particular. */
  isDefault: boolean;
  /** The upstream takes other names as well. */
  isOpen: boolean;
}

export interface HttpLimits {
  requestsPerMinute: number;
  maxConcurrentRequests: number;
  maxHistoryBytes: number;
}

/** What the HTTP door needs of the rest of the gateway. */
export interface HttpServices {
  store: Store;
  registry: SessionRegistry;
  authenticator: Authenticator;
  /** As the socket does it. */
  eraseSession(session: Session): Promise<void>;
  /** Resolves when what this node knows of sessions is true. */
  settled(): Promise<void>;
  models(): ServedModel[];
  keys: KeyService;
  tickets: TicketService;
  /** Absent where nothing is accounted for. */
  queryUsage?: QueryUsage | undefined;
  /** Figures for Prometheus; absent where they are not to be had. */
  figures?: { contentType: string; text(): Promise<string> } | undefined;
  /** Opens `/metrics` beside loopback and admins. */
  metricsToken?: string | undefined;
  isOriginAllowed: IsOriginAllowed;
  limits: HttpLimits;
  /** Share of the successful requests that get a line in the log. */
  requestSample: number;
  clock: Clock;
  random(): number;
  newId(): string;
  logger: Logger;
  audit: AuditLog;
  metrics: Metrics;
}
