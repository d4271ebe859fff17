import type { LoggerService } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import type { Config } from './config.js';
import type { ProcessLog } from './failure-log.js';

export type Log = Logger;

/** The fields of an error that are logged besides type, message and stack (which include those of its causes). */
const errorDetails = ['code', 'errno', 'syscall', 'address', 'port', 'sqlState'] as const;

/** The logger of the process: one JSON object per line on standard output. */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>): Log {
  return pino({ level: config.LOG_LEVEL, serializers: { err: serializeError, error: serializeError } });
}

/**
 * Errors of drivers contain what was sent, such as a Redis command with its password or a statement with a person's name.
 * Only fields that are known to be harmless are logged.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, ...others } = pino.stdSerializers.err(error);
  const details = errorDetails.flatMap((name) => (others[name] === undefined ? [] : [[name, others[name]]]));
  return { type, message, stack, ...Object.fromEntries(details) };
}

/** The details of a log line, in a form that another thread can be sent: errors as they are logged. */
export function plainDetails(details: object): object {
  const plain = Object.entries(details).map(([name, value]) => [name, serializeError(value)]);
  return Object.fromEntries(plain);
}

/** Writes Nest's log lines to our log. Nest logs every route at the start with level info; here that is debug. */
export function nestLog(log: Log): LoggerService {
  const line =
    (write: (details: object, message: string) => void) =>
    (message: unknown, ...rest: unknown[]): void => {
      // Nest's last argument is the name of the class that logs; an error's stack comes before it.
      const context = rest.at(-1);
      const stack = rest.length > 1 ? rest[0] : undefined;
      write({ context, ...(stack === undefined ? {} : { stack }) }, String(message));
    };
  return {
    log: line((details, message) => log.debug(details, message)),
    debug: line((details, message) => log.debug(details, message)),
    verbose: line((details, message) => log.trace(details, message)),
    warn: line((details, message) => log.warn(details, message)),
    error: line((details, message) => log.error(details, message)),
    fatal: line((details, message) => log.fatal(details, message)),
  };
}

/** Writes reports to Nest's logger, for what Nest creates. */
export function reportTo(logger: Pick<LoggerService, 'log' | 'warn' | 'error'>): ProcessLog {
  const line = (message: string, details: object) =>
    'err' in details ? `${message}: ${String(details.err)}` : message;
  return {
    info: (details, message) => logger.log(line(message, details)),
    warn: (details, message) => logger.warn(line(message, details)),
    error: (details, message) => logger.error(line(message, details)),
  };
}
