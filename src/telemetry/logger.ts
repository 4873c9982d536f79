import { type DestinationStream, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from './contract.ts';

export interface LoggerOptions {
  level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  format: 'auto' | 'json' | 'pretty';
}

/** Keys whose values never reach the log, at the top or one level down. */
const secretKeys = ['apiKey', 'authorization', 'key', 'token', 'ticket', 'password', 'secret'];

/** Writes to standard error, so that standard output stays free for what a command prints. */
export function createLogger(options: LoggerOptions): Logger {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY);
  const destination: DestinationStream = isPretty
    ? pretty({ destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', sync: true })
    : pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
      serializers: { error: describeError },
    },
    destination,
  );
}

/** Name, message and stack of an error and its causes; nothing of other properties, which may hold request data. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  return { name, message, stack, cause: cause === undefined ? undefined : describeError(cause) };
}
