import type { DataSource } from 'typeorm';
import type { UserId } from '../events/ids.js';
import type { KeyTable } from './key-table.js';

/** In the place of a destroyed key. */
const destroyedKey = '';
/** Users asked about in one statement. */
const maxUsersAtOnce = 1_000;

interface Row {
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
    const live = rows.filter((row) => row.wrapped_key !== destroyedKey);
    return new Map(live.map((row) => [row.user_id, Buffer.from(row.wrapped_key, 'base64')]));
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    return new Set((await this.#rowsOf(userIds)).map((row) => row.user_id));
  }

  async #rowsOf(userIds: readonly UserId[]): Promise<Row[]> {
    const found: Row[] = [];
    for (let first = 0; first < userIds.length; first += maxUsersAtOnce) {
      const some = userIds.slice(first, first + maxUsersAtOnce);
      const rows: Row[] = await this.database.query(
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
      [userId, destroyedKey, destroyedKey],
    );
  }

  async close(): Promise<void> {
    // The connections are the read models'.
  }
}
