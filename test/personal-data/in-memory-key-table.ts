import type { UserId } from '../../src/events/ids.js';
import type { KeyTable } from '../../src/personal-data/key-tables.js';

/** Keys that live as long as the test; `undefined` marks a destroyed one. */
export class InMemoryKeyTable implements KeyTable {
  readonly rows = new Map<UserId, Buffer | undefined>();
  /** Users asked for, call by call. */
  readonly asked: (readonly UserId[])[] = [];
  /** Set it, and every call fails. */
  failure: Error | undefined;

  async find(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    if (this.failure) throw this.failure;
    this.asked.push(userIds);
    return new Map(
      userIds.flatMap((userId) => {
        const key = this.rows.get(userId);
        return key ? [[userId, key]] : [];
      }),
    );
  }

  async known(userIds: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    if (this.failure) throw this.failure;
    return new Set(userIds.filter((userId) => this.rows.has(userId)));
  }

  async add(userId: UserId, wrappedKey: Buffer): Promise<Buffer | undefined> {
    if (this.failure) throw this.failure;
    if (!this.rows.has(userId)) this.rows.set(userId, wrappedKey);
    return this.rows.get(userId);
  }

  async destroy(userId: UserId): Promise<void> {
    if (this.failure) throw this.failure;
    this.rows.set(userId, undefined);
  }

  async close(): Promise<void> {}
}
