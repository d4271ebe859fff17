import { type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type Log = Logger;

/** Secrets that may pass by in a logged request; they are cut out. */
const redacted = [
  'req.headers.authorization',
  'req.headers["x-queue-token"]',
  'req.headers["idempotency-key"]',
  'req.headers.cookie',
];

/** The process's logger: one JSON object a line on standard output. */
export function createLog(config: Pick<Config, 'LOG_LEVEL'>): Log {
  return pino({ level: config.LOG_LEVEL, redact: redacted });
}
