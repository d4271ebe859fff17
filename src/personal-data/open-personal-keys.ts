import type { DataSource } from 'typeorm';
import type { EventStore } from '../event-store/port.js';
import { MysqlKeyTable } from './mysql-key-table.js';
import { isPersonal, personalDataOf } from './personal-fields.js';
import { PersonalKeys, PersonalKeysRefused } from './personal-keys.js';
import { isSealed } from './sealed-field.js';
import { SqliteKeyTable } from './sqlite-key-table.js';

export interface PersonalKeysSource {
  /** A file (made if missing), or the migrated database of the read models. */
  readonly place: string | DataSource;
  /** The office's secret. */
  readonly secret: string;
  /** The log whose personal data the keys are for. */
  readonly store: EventStore;
  /** Use new keys although the log has data sealed with others. */
  readonly isLossAccepted: boolean;
}

/** The newest events of users looked at to tell whether the log has sealed data. */
const sampleSize = 256;

/**
 * Opens the keys of a log.
 * @throws {PersonalKeysRefused} when they are missing, or were made under another secret.
 */
export async function openPersonalKeys(source: PersonalKeysSource): Promise<PersonalKeys> {
  const { place, secret, store, isLossAccepted } = source;
  const table = typeof place === 'string' ? SqliteKeyTable.open(place) : new MysqlKeyTable(place);
  const beforeFirstUse = async () => {
    if (isLossAccepted || !(await hasSealedData(store))) return;
    throw new PersonalKeysRefused(
      'the keys of personal data are missing, but the log has names sealed with them: restore the keys from their ' +
        'backup, or set PERSONAL_KEYS_LOST=true to go on without those names (docs/personal-data.md)',
    );
  };
  try {
    return await PersonalKeys.open({ table, secret, beforeFirstUse, isLossAccepted });
  } catch (error) {
    await table.close();
    throw error;
  }
}

async function hasSealedData(store: EventStore): Promise<boolean> {
  const newest = await store.readCategory('user', { from: 'end', direction: 'backwards', limit: sampleSize });
  return newest.filter(isPersonal).some((event) => {
    const { data, fields } = personalDataOf(event);
    return fields.some((field) => isSealed(data[field]));
  });
}
