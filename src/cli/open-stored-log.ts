import { join } from 'node:path';
import { checkEventStoreUrl, dataFiles } from '../app/engines.js';
import { openEventStoreDbStoredLog } from '../event-store/eventstoredb/event-store-db.js';
import type { StoredLog } from '../event-store/port.js';
import { EventLogRefused } from '../event-store/sqlite/log-file.js';
import { openSqliteStoredLog } from '../event-store/sqlite/reader.js';
import type { Config } from '../platform/config.js';
import { CliFailure } from './exit-codes.js';
import type { Terminal } from './terminal.js';

/**
 * The log a server with this configuration writes, as its engine keeps it: nothing is parsed or decrypted.
 * @throws {CliFailure} when there is no such log.
 */
export async function openStoredLog(config: Config, terminal: Terminal): Promise<StoredLog> {
  if (config.EVENTSTORE_URL !== undefined) {
    await checkEventStoreUrl(config.EVENTSTORE_URL);
    return openEventStoreDbStoredLog(config.EVENTSTORE_URL, (message) => terminal.err(`${message}\n`));
  }
  try {
    return openSqliteStoredLog(join(config.DATA_DIR, dataFiles.log));
  } catch (error) {
    if (error instanceof EventLogRefused) throw new CliFailure(error.message);
    throw error;
  }
}
