import { type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type Log = Logger;

/** What is logged of an error besides type, message and stack, those of its causes included. */
const errorDetails = ['code', 'errno', 'syscall', 'address', 'port', 'sqlState'] as const;

/** The process's logger: one JSON object a line on standard output. */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>): Log {
  return pino({ level: config.LOG_LEVEL, serializers: { err: serializeError, error: serializeError } });
}

/**
 * Errors of drivers carry what was sent: a command of Redis with its password, a statement with a person's name. Only
 * what is known to be harmless is logged.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, ...others } = pino.stdSerializers.err(error);
  const details = errorDetails.flatMap((name) => (others[name] === undefined ? [] : [[name, others[name]]]));
  return { type, message, stack, ...Object.fromEntries(details) };
}
