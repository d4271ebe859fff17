import { join } from 'node:path';
import { checkEventStoreUrl, dataFiles } from '../app/engines.js';
import { openEventStoreDb, openEventStoreDbStoredLog } from '../event-store/eventstoredb/event-store-db.js';
import type { EventStore, StoredLog } from '../event-store/port.js';
import { EventLogRefused } from '../event-store/sqlite/log-file.js';
import { openSqliteStoredLog } from '../event-store/sqlite/reader.js';
import { openSqliteEventStore } from '../event-store/sqlite/sqlite-event-store.js';
import { PersonalKeysRefused } from '../personal-data/key-file.js';
import { openPersonalKeys, type PersonalKeys } from '../personal-data/personal-keys.js';
import { revealingStore, withholdingStore } from '../personal-data/store-views.js';
import type { Config } from '../platform/config.js';
import { resolveSecrets } from '../platform/secrets.js';
import { openReadModels, type ReadModels } from '../projections/open-read-models.js';
import { CliFailure, exitCodes } from './command.js';
import type { Terminal } from './terminal.js';

/**
 * The log a server with this configuration writes, for reading: EVENTSTORE_URL's, or the file in DATA_DIR, which
 * a running server may have open. Names are left encrypted, so no keys are needed.
 * @throws {CliFailure} when there is no such log.
 */
export async function openLog(config: Config, terminal: Terminal): Promise<EventStore> {
  return withholdingStore(await openSealedLog(config, terminal));
}

/** As {@link openLog}, with every event as it is stored, names encrypted. @throws {CliFailure} */
export async function openSealedLog(config: Config, terminal: Terminal): Promise<EventStore> {
  if (config.EVENTSTORE_URL !== undefined) {
    await checkEventStoreUrl(config.EVENTSTORE_URL);
    const warn = (message: string) => terminal.err(`${message}\n`);
    return openEventStoreDb({ connectionString: config.EVENTSTORE_URL, warn });
  }
  try {
    return await openSqliteEventStore({ file: join(config.DATA_DIR, dataFiles.log), readOnly: true });
  } catch (error) {
    if (error instanceof EventLogRefused) throw new CliFailure(error.message);
    throw error;
  }
}

/**
 * As {@link openLog}, with names, as projections read it.
 * @throws {CliFailure} when there is no such log, or its keys are not those of this configuration.
 */
export async function openRevealedLog(
  config: Config,
  terminal: Terminal,
): Promise<{ readonly store: EventStore; close(): Promise<void> }> {
  const { sealed, keys, close } = await openKeysOfLog(config, terminal);
  return { store: revealingStore(sealed, keys), close };
}

/**
 * The log with names encrypted, and the keys of the names.
 * @throws {CliFailure} when there is no such log, or its keys are not those of this configuration.
 */
export async function openKeysOfLog(
  config: Config,
  terminal: Terminal,
): Promise<{ readonly sealed: EventStore; readonly keys: PersonalKeys; close(): Promise<void> }> {
  const sealed = await openSealedLog(config, terminal);
  const models = await openDatabase(config.DATABASE_URL).catch(async (error: unknown) => {
    await sealed.close();
    throw error;
  });
  const close = async () => {
    await sealed.close();
    await models?.close();
  };
  try {
    const keys = await openPersonalKeys({
      place: models?.write ?? join(config.DATA_DIR, dataFiles.personalKeys),
      secret: resolveSecrets(config).personalData,
      store: sealed,
      isLossAccepted: config.PERSONAL_KEYS_LOST,
    });
    const closeAll = async () => {
      await keys.close();
      await close();
    };
    return { sealed, keys, close: closeAll };
  } catch (error) {
    await close();
    if (error instanceof PersonalKeysRefused) throw new CliFailure(error.message);
    throw error;
  }
}

async function openDatabase(url: string | undefined): Promise<ReadModels | undefined> {
  if (url === undefined) return undefined;
  try {
    return await openReadModels({ url });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure(`the database of DATABASE_URL cannot be used: ${reason}`, exitCodes.failed);
  }
}

/**
 * The log a server with this configuration writes, as its engine stores it: nothing is parsed or decrypted.
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
