import { type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type Log = Logger;

/** The fields of an error that are logged besides type, message and stack (which include those of its causes). */
const errorDetails = ['code', 'errno', 'syscall', 'address', 'port', 'sqlState'] as const;

/** The process's logger: one JSON object a line on standard output. */
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
