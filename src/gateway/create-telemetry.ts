import type { Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { createAlertWebhook } from '../telemetry/alert-webhook.ts';
import { createAuditLog } from '../telemetry/audit-log.ts';
import {
  type AlertSender,
  type AuditLog,
  type Logger,
  type Metrics,
  silentAlerts,
  silentMetrics,
} from '../telemetry/contract.ts';
import { createMetrics, type MetricsOptions } from '../telemetry/metrics.ts';
import { digestRefusals } from '../telemetry/refusal-digest.ts';

export interface TelemetryParts {
  config: Pick<Config, 'audit' | 'metrics' | 'alerts'>;
  clock: Clock;
  logger: Logger;
  newId(): string;
  /** Of the program, which is told of every act; default: as configured. */
  audit?: AuditLog | undefined;
  /** Read when somebody asks. */
  gauges: MetricsOptions['gauges'];
}

export interface Telemetry {
  metrics: Metrics;
  /** Absent where they are not to be had. */
  figures: { contentType: string; text(): Promise<string> } | undefined;
  audit: AuditLog;
  alerts: AlertSender;
  close(graceMs: number): Promise<void>;
}

/** Metrics, audit log and alerts as they are configured. Throws when the audit file cannot be written. */
export function createTelemetry({ config, clock, logger, newId, audit, gauges }: TelemetryParts): Telemetry {
  const { webhook } = config.alerts;
  const figures = config.metrics.enabled ? createMetrics({ gauges, process: config.metrics.process }) : undefined;
  const alerts =
    webhook === undefined
      ? silentAlerts
      : createAlertWebhook({ ...webhook, clock, logger, newId, random: Math.random });
  const configured =
    audit === undefined
      ? digestRefusals(createAuditLog({ file: config.audit.file, logger, wall: () => clock.wall() }), clock)
      : undefined;
  return {
    metrics: figures ?? silentMetrics,
    figures,
    audit: audit ?? configured!,
    alerts,
    async close(graceMs) {
      await alerts.close(graceMs);
      configured?.close();
      figures?.close();
    },
  };
}
