import { Worker } from 'node:worker_threads';
import type { DataSource } from 'typeorm';
import type { UserId } from '../events/ids.js';
import { compiledFile } from '../platform/compiled-file.js';
import { type KeyChange, KeyFile } from './key-file.js';
import type { FromKeyWriter, ToKeyWriter } from './key-writer-thread.js';

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
  /** Wrapped keys by user, without destroyed ones, in ascending order of the user ids after `after`; at most `limit`. */
  page(after: UserId | undefined, limit: number): Promise<ReadonlyMap<UserId, Buffer>>;
  /** Stores `to` instead of `from`, unless the user has another key by now, or none. Durable when it resolves. */
  replace(userId: UserId, from: Buffer, to: Buffer): Promise<void>;
  /** Overwrites the user's key, and prevents that the user ever gets another one. Safe to repeat. */
  destroy(userId: UserId): Promise<void>;
  close(): Promise<void>;
}

/**
 * Keys in one SQLite file: see {@link KeyFile}. They are read here and written by a thread of their own, which starts with
 * the first change: a commit waits for the disk, and the changes that wait together share one.
 */
export class SqliteKeyTable implements KeyTable {
  #writer: KeyWriter | undefined;
  #isClosed = false;

  private constructor(
    private readonly file: string,
    private readonly keys: KeyFile,
  ) {}

  /** @throws {PersonalKeysRefused} when the file holds something else or cannot be opened. */
  static open(file: string): SqliteKeyTable {
    return new SqliteKeyTable(file, KeyFile.open(file));
  }

  async find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    return this.keys.find(userIds);
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    return this.keys.known(userIds);
  }

  add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    return this.#write({ kind: 'add', userId, wrappedKey });
  }

  async page(after: UserId | undefined, limit: number): Promise<ReadonlyMap<UserId, Buffer>> {
    return this.keys.page(after, limit);
  }

  async replace(userId: UserId, from: Buffer, wrappedKey: Buffer): Promise<void> {
    await this.#write({ kind: 'replace', userId, from, wrappedKey });
  }

  async destroy(userId: UserId): Promise<void> {
    await this.#write({ kind: 'destroy', userId });
  }

  /** What was asked for before is written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writer?.close();
    this.keys.close();
  }

  async #write(change: KeyChange): Promise<Buffer | undefined> {
    if (this.#isClosed) throw new Error('the keys are closed');
    // A thread that has ended is replaced.
    if (!this.#writer || this.#writer.hasEnded) this.#writer = new KeyWriter(this.file);
    return this.#writer.write(change);
  }
}

interface WaitingChange {
  readonly resolve: (key: Buffer | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** This thread's side of the thread that writes keys. */
class KeyWriter {
  readonly #worker: Worker;
  /** In the order in which they were sent. */
  readonly #waiting: WaitingChange[] = [];
  readonly #exited: Promise<void>;
  hasEnded = false;

  constructor(file: string) {
    const worker = new Worker(compiledFile(import.meta.url, './key-writer-thread.js'), {
      workerData: file,
      execArgv: [],
    });
    this.#worker = worker;
    worker.on('message', (message: FromKeyWriter) => this.#receive(message));
    let cause = 'it stopped';
    worker.on('error', (error) => {
      cause = String(error);
    });
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.hasEnded = true;
        this.#fail(this.#waiting.length, `the thread that writes keys is gone: ${cause}`);
        resolve();
      });
    });
  }

  /** Resolves when the change is on disk. */
  write(change: KeyChange): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#send(change);
    });
  }

  close(): Promise<void> {
    this.#worker.ref();
    this.#send({ kind: 'close' });
    return this.#exited;
  }

  #send(message: ToKeyWriter): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromKeyWriter): void {
    if (message.kind === 'failed') this.#fail(message.changes, message.reason);
    else for (const key of message.keys) this.#waiting.shift()?.resolve(key && Buffer.from(key));
    // Keys that were not closed must not keep the process alive.
    if (this.#waiting.length === 0) this.#worker.unref();
  }

  #fail(changes: number, reason: string): void {
    for (const { reject } of this.#waiting.splice(0, changes)) reject(new Error(reason));
  }
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

  async page(after: UserId | undefined, limit: number): Promise<ReadonlyMap<UserId, Buffer>> {
    const rows: MysqlRow[] = await this.database.query(
      `SELECT user_id, wrapped_key FROM personal_keys
       WHERE user_id > ? AND wrapped_key <> ? ORDER BY user_id LIMIT ${limit}`,
      [after ?? '', emptiedKey],
    );
    return new Map(rows.map((row) => [row.user_id, Buffer.from(row.wrapped_key, 'base64')]));
  }

  async replace(userId: UserId, from: Buffer, to: Buffer): Promise<void> {
    await this.database.query(
      'UPDATE personal_keys SET wrapped_key = ? WHERE user_id = ? AND wrapped_key = ?',
      [to.toString('base64'), userId, from.toString('base64')],
    );
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
