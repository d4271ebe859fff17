import type { LoggerService } from '@nestjs/common';
import type { Log } from './logging.js';

/** Nest's log lines in ours. Nest reports every route at start as news; here that is detail. */
export function nestLog(log: Log): LoggerService {
  const line =
    (write: (details: object, message: string) => void) =>
    (message: unknown, ...rest: unknown[]): void => {
      // Nest appends the name of whoever logs, and puts an error's stack before it.
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
