import { type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type Log = Logger;

/** The process's logger: one JSON object a line on standard output. */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>): Log {
  return pino({ level: config.LOG_LEVEL, serializers: { error: pino.stdSerializers.err } });
}
