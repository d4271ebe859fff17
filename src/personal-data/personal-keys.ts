import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { EventStore } from '../event-store/port.js';
import { type UserId, userIdSchema } from '../events/ids.js';
import { type RotatingSecret, valuesOf } from '../platform/rotating-secret.js';
import { PersonalKeysRefused } from './key-file.js';
import { type KeyTable, MysqlKeyTable, SqliteKeyTable } from './key-tables.js';
import { isPersonal, isSealed, keyBytes, MasterKey, personalDataOf } from './sealing.js';

interface PersonalKeysSource {
  /** A file (created if missing), or the migrated database of the read models. */
  readonly place: string | DataSource;
  /** Wraps new keys with its current value, and opens those wrapped with either. */
  readonly secret: RotatingSecret;
  /** The log whose personal data the keys encrypt. */
  readonly store: EventStore;
  /** Use new keys although the log has data sealed with others. */
  readonly isLossAccepted: boolean;
}

/** Whether the log has sealed data is decided by this number of the newest events of users. */
const sampleSize = 256;

/**
 * Opens the keys of a log.
 * @throws {PersonalKeysRefused} when they are missing, or were wrapped under another secret.
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

/** The user was erased: no personal data of this user can be written any more. */
export class PersonalKeyDestroyed extends Error {
  override readonly name = 'PersonalKeyDestroyed';
  constructor(readonly userId: UserId) {
    super(`the key of user ${userId} was destroyed`);
  }
}

/** Keys wrapped anew in one go. */
const rewrappedAtOnce = 500;
/** A second pass finds none, unless another process adds keys that are wrapped with the previous secret. */
const maxRewrapPasses = 5;

/** An id that no user has. The key in its row encrypts nothing; it shows whether the secret is the right one. */
const checkId = userIdSchema.parse('00000000-0000-0000-0000-000000000000');

interface PersonalKeysOptions {
  readonly table: KeyTable;
  readonly secret: RotatingSecret;
  /** Runs before an empty table is used for the first time; throws if the table should have keys. */
  readonly beforeFirstUse: () => Promise<void>;
  /** Whether a missing key counts as destroyed; default no, because a newer backup of the keys should have it. */
  readonly isLossAccepted?: boolean;
}

/**
 * A key for each user, created when it is first needed and destroyed when the user is erased. Keys are not kept in
 * memory: they are needed only when a user registers and when read models are built. So a destroyed key is gone in all
 * processes at once.
 */
export class PersonalKeys {
  /** Wraps. */
  readonly #master: MasterKey;
  /** Unwrap: the same one, then that of the secret before. */
  readonly #masters: readonly MasterKey[];

  private constructor(
    private readonly table: KeyTable,
    secret: RotatingSecret,
    private readonly isLossAccepted: boolean,
  ) {
    this.#master = new MasterKey(secret.current);
    this.#masters = [
      this.#master,
      ...valuesOf(secret)
        .slice(1)
        .map((value) => new MasterKey(value)),
    ];
  }

  /** @throws {PersonalKeysRefused} when the keys in the table were wrapped under another secret. */
  static async open(options: PersonalKeysOptions): Promise<PersonalKeys> {
    const { table, secret, beforeFirstUse, isLossAccepted = false } = options;
    const keys = new PersonalKeys(table, secret, isLossAccepted);
    const found = await table.find([checkId]);
    if (!found.has(checkId)) await beforeFirstUse();
    const check = found.get(checkId) ?? (await table.add(checkId, keys.#newWrappedKey(checkId)));
    if (check && keys.#tryUnwrap(checkId, check)) return keys;
    throw new PersonalKeysRefused(
      'the keys of personal data were made under another SECRET or DATA_SECRET: start with the one they were made with, ' +
        'or, while it is replaced, give it as DATA_SECRET_PREVIOUS (docs/personal-data.md)',
    );
  }

  /**
   * The user's key; created if there is none yet.
   * @throws {PersonalKeyDestroyed} when the user was erased.
   */
  async keyFor(userId: UserId): Promise<Buffer> {
    const wrapped = await this.table.add(userId, this.#newWrappedKey(userId));
    if (!wrapped) throw new PersonalKeyDestroyed(userId);
    return this.#unwrap(userId, wrapped);
  }

  /**
   * Keys by user, for users who had a key before; a user who is left out has a destroyed key.
   * @throws {PersonalKeysRefused} when a user was never in the table: the keys are older than the log, or belong to
   * another one.
   */
  async keysOf(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, Buffer>> {
    const wrapped = await this.table.find(userIds);
    const missing = userIds.filter((userId) => !wrapped.has(userId));
    if (missing.length > 0 && !this.isLossAccepted) await this.#assertKnown(missing);
    return new Map([...wrapped].map(([userId, key]) => [userId, this.#unwrap(userId, key)]));
  }

  /** Afterwards nothing that was encrypted with the user's key can be read any more. Safe to repeat. */
  destroy(userId: UserId): Promise<void> {
    return this.table.destroy(userId);
  }

  /**
   * Wraps the keys anew that are still wrapped with the secret's previous value, so that it is not needed any more. Safe
   * beside running processes and to repeat; a key that is destroyed meanwhile stays destroyed.
   * @returns how many were wrapped anew.
   * @throws {PersonalKeysRefused} when a key is damaged, or another process goes on wrapping with the previous value.
   */
  async rewrap(): Promise<number> {
    let rewrapped = 0;
    for (let pass = 0; pass < maxRewrapPasses; pass++) {
      const found = await this.#rewrapAll();
      rewrapped += found;
      if (found > 0) continue;
      // Last: it shows at each start that no other key needs the previous value.
      const check = await this.table.find([checkId]);
      return rewrapped + (await this.#rewrapSome(check));
    }
    throw new PersonalKeysRefused(
      'another process goes on wrapping keys with the previous secret: start all of them with the new one as ' +
        'DATA_SECRET, then repeat this',
    );
  }

  close(): Promise<void> {
    return this.table.close();
  }

  async #rewrapAll(): Promise<number> {
    let rewrapped = 0;
    let page = await this.table.page(undefined, rewrappedAtOnce);
    while (page.size > 0) {
      rewrapped += await this.#rewrapSome(new Map([...page].filter(([userId]) => userId !== checkId)));
      page = await this.table.page([...page.keys()].at(-1), rewrappedAtOnce);
    }
    return rewrapped;
  }

  async #rewrapSome(keys: ReadonlyMap<UserId, Buffer>): Promise<number> {
    const old = [...keys].filter(([userId, wrapped]) => !this.#master.unwrap(userId, wrapped));
    await Promise.all(
      old.map(([userId, wrapped]) =>
        this.table.replace(userId, wrapped, this.#master.wrap(userId, this.#unwrap(userId, wrapped))),
      ),
    );
    return old.length;
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
    const key = this.#tryUnwrap(userId, wrapped);
    if (key) return key;
    throw new PersonalKeysRefused(
      `the key of user ${userId} is damaged, or wrapped with a secret that is not given any more: restore the keys from ` +
        'their backup, or give that secret as DATA_SECRET_PREVIOUS and run `boxoffice rewrap-keys`',
    );
  }

  #tryUnwrap(userId: UserId, wrapped: Buffer): Buffer | undefined {
    for (const master of this.#masters) {
      const key = master.unwrap(userId, wrapped);
      if (key) return key;
    }
    return undefined;
  }
}
