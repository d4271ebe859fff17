import { closeSync, openSync } from 'node:fs';
import type { UserId } from '../events/ids.js';
import { Database } from '../platform/sqlite.js';
import type { KeyTable } from './key-table.js';
import { wrappedKeyBytes } from './master-key.js';
import { PersonalKeysRefused } from './personal-keys.js';

/** "boxk": stands in the file's header, so that we tell it from other SQLite files. */
const applicationId = 0x626f786b;
const schemaVersion = 1;
/** Only a command beside the running server can hold the lock, and only for a moment. */
const lockTimeoutMs = 1_000;

// Keys are appended and never move: SQLite leaves copies behind when it splits a page in its middle. The index on
// user ids splits, but holds no key.
const schema = `
  CREATE TABLE personal_keys (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    wrapped_key BLOB NOT NULL
  ) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** In the place of a destroyed key. Of the same length, so that SQLite overwrites the very bytes of the key. */
const destroyedKey = Buffer.alloc(wrappedKeyBytes);

interface Row {
  readonly user_id: UserId;
  readonly wrapped_key: Buffer;
}

/**
 * Keys in one SQLite file, made if missing and readable by its owner alone. No write-ahead log, which would keep old
 * pages for a while: a rollback journal is emptied with each commit, and nothing of a destroyed key stays in the file.
 */
export class SqliteKeyTable implements KeyTable {
  private constructor(private readonly database: Database) {}

  /** @throws {PersonalKeysRefused} when the file holds something else or cannot be opened. */
  static open(file: string): SqliteKeyTable {
    let database: Database | undefined;
    try {
      closeSync(openSync(file, 'a', 0o600));
      database = new Database(file, { timeout: lockTimeoutMs });
      database.pragma('journal_mode = TRUNCATE');
      // With a truncated journal, each commit is on disk before it returns.
      database.pragma('synchronous = FULL');
      database.pragma('secure_delete = ON');
      createIfBlank(database);
      assertOurs(database, file);
      return new SqliteKeyTable(database);
    } catch (error) {
      database?.close();
      if (error instanceof PersonalKeysRefused) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PersonalKeysRefused(`the keys in ${file} cannot be opened: ${reason}`, { cause: error });
    }
  }

  async find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    const live = this.#rowsOf(userIds).filter((row) => !row.wrapped_key.equals(destroyedKey));
    return new Map(live.map((row) => [row.user_id, row.wrapped_key]));
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    return new Set(this.#rowsOf(userIds).map((row) => row.user_id));
  }

  #rowsOf(userIds: readonly UserId[]): Row[] {
    const select = this.database.prepare<[UserId], Row>('SELECT * FROM personal_keys WHERE user_id = ?');
    // One transaction: the file is locked and looked over once, not for each key.
    const rows = this.database.transaction(() => userIds.map((userId) => select.get(userId)))();
    return rows.filter((row) => row !== undefined);
  }

  async add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    this.#insert(userId, wrappedKey);
    return (await this.find([userId])).get(userId);
  }

  async destroy(userId: UserId): Promise<void> {
    this.#insert(userId, destroyedKey);
    this.database
      .prepare('UPDATE personal_keys SET wrapped_key = ? WHERE user_id = ? AND wrapped_key <> ?')
      .run(destroyedKey, userId, destroyedKey);
  }

  async close(): Promise<void> {
    this.database.close();
  }

  #insert(userId: UserId, wrappedKey: Buffer): void {
    this.database
      .prepare('INSERT INTO personal_keys (user_id, wrapped_key) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(userId, wrappedKey);
  }
}

function createIfBlank(database: Database): void {
  const create = database.transaction(() => {
    const isBlank = database.prepare('SELECT 1 FROM sqlite_master').get() === undefined;
    if (isBlank) database.exec(schema);
  });
  create.immediate();
}

function assertOurs(database: Database, file: string): void {
  const id = database.pragma('application_id', { simple: true });
  const version = database.pragma('user_version', { simple: true });
  if (id === applicationId && version === schemaVersion) return;
  throw new PersonalKeysRefused(`${file} does not hold keys of this version of boxoffice`);
}
