import { closeSync, openSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import type { UserId } from '../events/ids.js';
import { Database } from '../platform/sqlite.js';
import { wrappedKeyBytes } from './sealing.js';

/** The keys cannot be used: the start is refused, and the message says what to do. */
export class PersonalKeysRefused extends Error {
  override readonly name = 'PersonalKeysRefused';
}

/**
 * The table of wrapped keys, a row for each user who ever had one. Engines (SQLite, MySQL) pass one contract suite
 * (test/personal-data/key-table-contract.ts). A wrapped key cannot be used without the master key.
 */
export interface KeyTable {
  /** Wrapped keys by user; a user without a key, or with a destroyed one, is missing. */
  find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>>;
  /** Which of the users have a key, or had one that was destroyed. */
  known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>>;
  /**
   * Stores `wrappedKey`, unless the user has a key or ever had one. Durable when it resolves.
   * @returns the user's key from now on; undefined when it was destroyed.
   */
  add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined>;
  /** Overwrites the user's key, and prevents that the user ever gets another one. Safe to repeat. */
  destroy(userId: UserId): Promise<void>;
  close(): Promise<void>;
}

/** "boxk": in the file's header, which tells it from other SQLite files. */
const applicationId = 0x626f786b;
const schemaVersion = 1;
/** Only a command that runs beside the server can hold the lock, and only for a moment. */
const lockTimeoutMs = 1_000;

// Rows are appended, so keys never move: when SQLite splits a page in the middle, copies of its rows remain. Pages of
// the index on user ids are split, but contain no keys.
const schema = `
  CREATE TABLE personal_keys (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    wrapped_key BLOB NOT NULL
  ) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** Replaces a destroyed key. It has the same length, so that SQLite overwrites the bytes of the key. */
const zeroedKey = Buffer.alloc(wrappedKeyBytes);

interface SqliteRow {
  readonly user_id: UserId;
  readonly wrapped_key: Buffer;
}

/**
 * Keys in one SQLite file, which is created if missing and can be read by its owner only. It has no write-ahead log,
 * because that would keep old pages for a while; the rollback journal is emptied with each commit, so nothing of a
 * destroyed key remains in the file.
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
    // One transaction: the file is locked and checked once, not for each key.
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

/** Replaces a destroyed key. */
const emptiedKey = '';
/** Most users in one statement. */
const maxUsersAtOnce = 1_000;

interface MysqlRow {
  readonly user_id: UserId;
  /** Base64. */
  readonly wrapped_key: string;
}

/**
 * Keys in the table `personal_keys`, in the database of the read models. It is not a read model: it cannot be rebuilt
 * from the log.
 */
export class MysqlKeyTable implements KeyTable {
  /** @param database migrated; this class does not close it. */
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
    // The connections belong to the read models.
  }
}
