import type { UserId } from '../events/ids.js';

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
