import { randomBytes } from 'node:crypto';
import { type UserId, userIdSchema } from '../events/ids.js';
import { keyBytes } from './aes-gcm.js';
import type { KeyTable } from './key-table.js';
import { MasterKey } from './master-key.js';

/** The keys cannot be used as they are: start-up is refused, and the message says what to do. */
export class PersonalKeysRefused extends Error {
  override readonly name = 'PersonalKeysRefused';
}

/** The user was erased: nothing personal of theirs can be written any more. */
export class PersonalKeyDestroyed extends Error {
  override readonly name = 'PersonalKeyDestroyed';
  constructor(readonly userId: UserId) {
    super(`the key of user ${userId} was destroyed`);
  }
}

/** Nobody's id: its row holds a key that encrypts nothing and tells whether the secret is the right one. */
const checkId = userIdSchema.parse('00000000-0000-0000-0000-000000000000');

export interface PersonalKeysOptions {
  readonly table: KeyTable;
  /** The office's secret. */
  readonly secret: string;
  /** Runs before a table without any key is first used; throws when it should have keys. */
  readonly beforeFirstUse: () => Promise<void>;
  /** Whether a missing key counts as destroyed; default no: it is in a newer backup of the keys. */
  readonly isLossAccepted?: boolean;
}

/**
 * A key for each user, made on first need and destroyed with the person. No key is kept in memory: each is used
 * once, when its user registers and when the read models are built, so a destroyed key is gone everywhere at once.
 */
export class PersonalKeys {
  readonly #master: MasterKey;

  private constructor(
    private readonly table: KeyTable,
    secret: string,
    private readonly isLossAccepted: boolean,
  ) {
    this.#master = new MasterKey(secret);
  }

  /** @throws {PersonalKeysRefused} when the keys in the table were wrapped under another secret. */
  static async open(options: PersonalKeysOptions): Promise<PersonalKeys> {
    const { table, secret, beforeFirstUse, isLossAccepted = false } = options;
    const keys = new PersonalKeys(table, secret, isLossAccepted);
    const found = await table.find([checkId]);
    if (!found.has(checkId)) await beforeFirstUse();
    const check = found.get(checkId) ?? (await table.add(checkId, keys.#newWrappedKey(checkId)));
    if (check && keys.#master.unwrap(checkId, check)) return keys;
    throw new PersonalKeysRefused(
      'the keys of personal data were made under another SECRET: start with the SECRET they were made with ' +
        '(docs/personal-data.md)',
    );
  }

  /**
   * The user's key, made now if there is none yet.
   * @throws {PersonalKeyDestroyed} when the user was erased.
   */
  async keyFor(userId: UserId): Promise<Buffer> {
    const wrapped = await this.table.add(userId, this.#newWrappedKey(userId));
    if (!wrapped) throw new PersonalKeyDestroyed(userId);
    return this.#unwrap(userId, wrapped);
  }

  /**
   * Keys by user, for users who got a key before; one that is left out was destroyed.
   * @throws {PersonalKeysRefused} when a user was never in the table: the keys are older than the log, or of another one.
   */
  async keysOf(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    const wrapped = await this.table.find(userIds);
    const missing = userIds.filter((userId) => !wrapped.has(userId));
    if (missing.length > 0 && !this.isLossAccepted) await this.#assertKnown(missing);
    return new Map([...wrapped].map(([userId, key]) => [userId, this.#unwrap(userId, key)]));
  }

  /** What was encrypted with the user's key can never be read again, by anybody. Safe to repeat. */
  destroy(userId: UserId): Promise<void> {
    return this.table.destroy(userId);
  }

  close(): Promise<void> {
    return this.table.close();
  }

  async #assertKnown(userIds: readonly UserId[]): Promise<void> {
    const known = await this.table.known(userIds);
    const lost = userIds.find((userId) => !known.has(userId));
    if (lost === undefined) return;
    throw new PersonalKeysRefused(
      `the keys of personal data are older than this log, or of another one: user ${lost} has no key and was not erased; ` +
        'restore the keys from their newest backup, or set PERSONAL_KEYS_LOST=true to go on without these names ' +
        '(docs/personal-data.md)',
    );
  }

  #newWrappedKey(userId: UserId): Buffer {
    return this.#master.wrap(userId, randomBytes(keyBytes));
  }

  #unwrap(userId: UserId, wrapped: Buffer): Buffer {
    const key = this.#master.unwrap(userId, wrapped);
    if (key) return key;
    throw new PersonalKeysRefused(`the key of user ${userId} is damaged: restore the keys from their backup`);
  }
}
