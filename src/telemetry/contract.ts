import type { TurnStatus } from '../../protocol/frames/common.ts';
import type { LimitScope } from '../limits/rules.ts';

/** Where the rooms report; never given prompt text, answers or secrets. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** An act that matters to security. Never holds a secret, not even a part of one. */
export interface AuditEntry {
  act:
    | 'credential.refused'
    | 'credential.renewed'
    | 'credential.expired'
    | 'credential.revoked'
    | 'forbidden'
    | 'key.created'
    | 'key.rotated'
    | 'key.revoked'
    | 'ticket.created'
    | 'session.exported'
    | 'session.erased'
    | 'usage.read';
  tenant?: string | undefined;
  subject?: string | undefined;
  /** Id of the credential. */
  key?: string | undefined;
  address?: string | undefined;
  /** Id of connection or request. */
  connection?: string | undefined;
  request?: string | undefined;
  /** What it was done to, or why it was refused; never shown to the one who was. */
  target?: string | undefined;
  reason?: string | undefined;
  /** More of the same since the line before; absent for one. */
  count?: number | undefined;
}

export interface AuditLog {
  note(entry: AuditEntry): void;
}

export const silentAudit: AuditLog = { note: () => {} };

/** One call of a provider, as it is counted. */
export interface UpstreamCallFigures {
  upstream: string;
  model: string;
  status: 'completed' | 'failed' | 'aborted' | 'interrupted';
  input: number;
  output: number;
  costUsd?: number | undefined;
  firstTokenMs?: number | undefined;
}

/** What a limit is counted for: beside the scopes a route, or one turn by itself. */
export type CountedScope = LimitScope | 'route' | 'turn';

/** What is counted for operators. Nothing here may be the name of a tenant, a session or a user: their number has no bound. */
export interface Metrics {
  turnEnded(status: TurnStatus): void;
  upstreamCall(call: UpstreamCallFigures): void;
  /** A request that a limit refused, or a turn that it cut. */
  limitRefused(limit: string, scope: CountedScope): void;
  /** Tokens as the provider reports them, as a part of the gateway's own count: 1 where both agree. */
  drift(model: string, ratio: number): void;
  /** `threshold`: a share of the limit, such as 0.8. */
  alert(limit: string, threshold: number): void;
  /** `route`: the template of the path, never the path. */
  httpRequest(route: string, method: string, status: number, ms: number): void;
  authRefused(door: 'socket' | 'http'): void;
  socketRefused(reason: string): void;
}

export const silentMetrics: Metrics = {
  turnEnded: () => {},
  upstreamCall: () => {},
  limitRefused: () => {},
  drift: () => {},
  alert: () => {},
  httpRequest: () => {},
  authRefused: () => {},
  socketRefused: () => {},
};

/** A limit is nearly used up, or is. */
export interface Alert {
  /** The same for the same event, whichever node tells it; default: one of its own. */
  id?: string | undefined;
  /** Name of the limit, such as `costUsdPerDay`. */
  limit: string;
  scope: CountedScope;
  tenant?: string | undefined;
  key?: string | undefined;
  user?: string | undefined;
  session?: string | undefined;
  address?: string | undefined;
  route?: string | undefined;
  /** Share of the limit that was passed. */
  threshold: number;
  used: number;
  max: number;
  /** Begin of the hour, day or month, ISO 8601. */
  period?: string | undefined;
}

export interface AlertSender {
  /** Never throws and never waits. */
  send(alert: Alert): void;
  /** What was not delivered within `graceMs` is given up. */
  close(graceMs: number): Promise<void>;
}

export const silentAlerts: AlertSender = { send: () => {}, close: async () => {} };
