import { closeSync, openSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import type { UserId } from '../events/ids.js';
import { Database } from '../platform/sqlite.js';
import { wrappedKeyBytes } from './sealing.js';

/** The keys cannot be used as they are: start-up is refused, and the message says what to do. */
export class PersonalKeysRefused extends Error {
  override readonly name = 'PersonalKeysRefused';
}

/**
 * Where wrapped keys are kept, a row for each user who ever had one. Engines (SQLite, MySQL) pass one contract
 * suite (test/personal-data/key-table-contract.ts); what they keep cannot be read without the master key.
 */
export interface KeyTable {
  /** Wrapped keys by user. Who has none, or had one that was destroyed, is missing. */
  find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>>;
  /** Which of the users have a key, or had one that was destroyed. */
  known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>;
  /**
   * Keeps `wrappedKey`, unless the user has a key or ever had one. Durable when it resolves.
   * @returns the user's key from now on; undefined when it was destroyed.
   */
  add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined>;
  /** Overwrites the user's key for good, so that there can never be another one. Safe to repeat. */
  destroy(userId: UserId): Promise<void>;
  close(): Promise<void>;
}

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
const zeroedKey = Buffer.alloc(wrappedKeyBytes);

interface SqliteRow {
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
    const live = this.#rowsOf(userIds).filter((row) => !row.wrapped_key.equals(zeroedKey));
    return new Map(live.map((row) => [row.user_id, row.wrapped_key]));
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    return new Set(this.#rowsOf(userIds).map((row) => row.user_id));
  }

  #rowsOf(userIds: readonly UserId[]): SqliteRow[] {
    const select = this.database.prepare<[UserId], SqliteRow>(
      'SELECT * FROM personal_keys WHERE user_id = ?',
    );
    // One transaction: the file is locked and looked over once, not for each key.
    const rows = this.database.transaction(() => userIds.map((userId) => select.get(userId)))();
    return rows.filter((row) => row !== undefined);
  }

  async add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    this.#insert(userId, wrappedKey);
    return (await this.find([userId])).get(userId);
  }

  async destroy(userId: UserId): Promise<void> {
    this.#insert(userId, zeroedKey);
    this.database
      .prepare('UPDATE personal_keys SET wrapped_key = ? WHERE user_id = ? AND wrapped_key <> ?')
      .run(zeroedKey, userId, zeroedKey);
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

/** In the place of a destroyed key. */
const emptiedKey = '';
/** Users asked about in one statement. */
const maxUsersAtOnce = 1_000;

interface MysqlRow {
  readonly user_id: UserId;
  /** Base64. */
  readonly wrapped_key: string;
}

/** Keys in the table `personal_keys` beside the read models, of which it is none: nothing can build it again. */
export class MysqlKeyTable implements KeyTable {
  /** @param database migrated, and closed by whoever opened it. */
  constructor(private readonly database: DataSource) {}

  async find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    const rows = await this.#rowsOf(userIds);
    const live = rows.filter((row) => row.wrapped_key !== emptiedKey);
    return new Map(live.map((row) => [row.user_id, Buffer.from(row.wrapped_key, 'base64')]));
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    return new Set((await this.#rowsOf(userIds)).map((row) => row.user_id));
  }

  async #rowsOf(userIds: readonly UserId[]): Promise<MysqlRow[]> {
    const found: MysqlRow[] = [];
    for (let first = 0; first < userIds.length; first += maxUsersAtOnce) {
      const some = userIds.slice(first, first + maxUsersAtOnce);
      const rows: MysqlRow[] = await this.database.query(
        `SELECT user_id, wrapped_key FROM personal_keys
         WHERE user_id IN (${some.map(() => '?').join(', ')})`,
        [...some],
      );
      found.push(...rows);
    }
    return found;
  }

  async add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    await this.database.query(
      'INSERT INTO personal_keys (user_id, wrapped_key) VALUES (?, ?) ON DUPLICATE KEY UPDATE user_id = user_id',
      [userId, wrappedKey.toString('base64')],
    );
    return (await this.find([userId])).get(userId);
  }

  async destroy(userId: UserId): Promise<void> {
    await this.database.query(
      'INSERT INTO personal_keys (user_id, wrapped_key) VALUES (?, ?) ON DUPLICATE KEY UPDATE wrapped_key = ?',
      [userId, emptiedKey, emptiedKey],
    );
  }

  async close(): Promise<void> {
    // The connections are the read models'.
  }
}
