import type { UserId } from '../events/ids.js';
import { createPrivateFile } from '../platform/data-folder.js';
import { Database } from '../platform/sqlite.js';
import { wrappedKeyBytes } from './sealing.js';

/** The keys cannot be used: the start is refused, and the message says what to do. */
export class PersonalKeysRefused extends Error {
  override readonly name = 'PersonalKeysRefused';
}

/** A change of one user's key. */
export type KeyChange =
  | { readonly kind: 'add'; readonly userId: UserId; readonly wrappedKey: Uint8Array }
  /** Only while the key is still `from`. */
  | {
      readonly kind: 'replace';
      readonly userId: UserId;
      readonly from: Uint8Array;
      readonly wrappedKey: Uint8Array;
    }
  | { readonly kind: 'destroy'; readonly userId: UserId };

/** "boxk": in the file's header, which tells it from other SQLite files. */
const applicationId = 0x626f786b;
const schemaVersion = 1;
/** Another thread or a command beside the server holds the lock, and only while it commits. */
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

interface KeyRow {
  readonly user_id: UserId;
  readonly wrapped_key: Buffer;
}

/**
 * Keys in one SQLite file, which is created if missing and can be read by its owner only. It has no write-ahead log,
 * because that would keep old pages for a while; the rollback journal is emptied with each commit, so nothing of a
 * destroyed key remains in the file. Synchronous.
 */
export class KeyFile {
  private constructor(private readonly database: Database) {}

  /** @throws {PersonalKeysRefused} when the file holds something else or cannot be opened. */
  static open(file: string): KeyFile {
    let database: Database | undefined;
    try {
      createPrivateFile(file);
      database = new Database(file, { timeout: lockTimeoutMs });
      database.pragma('journal_mode = TRUNCATE');
      // With a truncated journal, each commit is on disk before it returns.
      database.pragma('synchronous = FULL');
      database.pragma('secure_delete = ON');
      createIfBlank(database);
      assertOurs(database, file);
      return new KeyFile(database);
    } catch (error) {
      database?.close();
      if (error instanceof PersonalKeysRefused) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PersonalKeysRefused(`the keys in ${file} cannot be opened: ${reason}`, { cause: error });
    }
  }

  /** Keys that were not destroyed. */
  find(userIds: readonly UserId[]): Map<UserId, Buffer> {
    const live = this.#rowsOf(userIds).filter((row) => !row.wrapped_key.equals(zeroedKey));
    return new Map(live.map((row) => [row.user_id, row.wrapped_key]));
  }

  /** Users who have or had a key. */
  known(userIds: readonly UserId[]): Set<UserId> {
    return new Set(this.#rowsOf(userIds).map((row) => row.user_id));
  }

  /** Keys that were not destroyed, by user id in ascending order, of users after `after`. */
  page(after: UserId | undefined, limit: number): Map<UserId, Buffer> {
    const rows = this.database
      .prepare<[string, Buffer, number], KeyRow>(
        'SELECT * FROM personal_keys WHERE user_id > ? AND wrapped_key <> ? ORDER BY user_id LIMIT ?',
      )
      .all(after ?? '', zeroedKey, limit);
    return new Map(rows.map((row) => [row.user_id, row.wrapped_key]));
  }

  /**
   * Makes all changes, in their order, in one durable transaction, or none.
   * @returns for each change the user's key after it; undefined when it is destroyed.
   */
  write(changes: readonly KeyChange[]): (Buffer | undefined)[] {
    const insert = this.database.prepare(
      'INSERT INTO personal_keys (user_id, wrapped_key) VALUES (?, ?) ON CONFLICT DO NOTHING',
    );
    const empty = this.database.prepare(
      'UPDATE personal_keys SET wrapped_key = ? WHERE user_id = ? AND wrapped_key <> ?',
    );
    // Of the same length too: the bytes of the old wrapping are overwritten in place.
    const replace = this.database.prepare(
      'UPDATE personal_keys SET wrapped_key = ? WHERE user_id = ? AND wrapped_key = ?',
    );
    const select = this.#select();
    const writeAll = this.database.transaction(() =>
      changes.map((change) => {
        const { userId } = change;
        if (change.kind === 'replace') replace.run(change.wrappedKey, userId, change.from);
        else insert.run(userId, change.kind === 'add' ? change.wrappedKey : zeroedKey);
        if (change.kind === 'destroy') empty.run(zeroedKey, userId, zeroedKey);
        const key = select.get(userId)?.wrapped_key;
        return key?.equals(zeroedKey) ? undefined : key;
      }),
    );
    return writeAll.immediate();
  }

  close(): void {
    this.database.close();
  }

  #rowsOf(userIds: readonly UserId[]): KeyRow[] {
    const select = this.#select();
    // One transaction: the file is locked and checked once, not for each key.
    const rows = this.database.transaction(() => userIds.map((userId) => select.get(userId)))();
    return rows.filter((row) => row !== undefined);
  }

  #select() {
    return this.database.prepare<[UserId], KeyRow>('SELECT * FROM personal_keys WHERE user_id = ?');
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
