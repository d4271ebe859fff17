import { hash, verify } from '@node-rs/argon2';
import { ConcurrencyLimit, TooManyWaiting } from './concurrency-limit.js';

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. */
const argon2id = {
  algorithm: 2 /* Argon2id: the package's const enum cannot be imported */,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const;

/** So many log-ins wait that another one would wait for too long. */
export class HasherBusy extends Error {
  override readonly name = 'HasherBusy';
}

/**
 * Hashes passwords off the main thread, a few at a time: each hash takes 19 MiB and tens of milliseconds, so an
 * unlimited number of log-ins would leave no memory and no processor time for other requests.
 */
export class PasswordHasher {
  readonly #limit: ConcurrencyLimit;
  /** The hash that an unknown user's password is compared with, so that both answers take equally long. */
  #decoy: Promise<string> | undefined;

  /**
   * @param concurrency hashes at the same time.
   * @param maxWaiting hashes that may wait: the work of some seconds, since callers give up after that.
   */
  constructor(concurrency = 2, maxWaiting = concurrency * 100) {
    this.#limit = new ConcurrencyLimit(concurrency, maxWaiting);
  }

  /** An argon2id hash in PHC format, of the password in Unicode's NFC form. @throws {HasherBusy} */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password.normalize('NFC'), argon2id));
  }

  /**
   * Whether the password belongs to the hash, whichever Unicode form it was typed in. Without a hash it takes as long and
   * is false.
   * @throws {HasherBusy}
   */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= this.hash('nobody has this password');
    const decoy = await this.#decoy;
    const composed = password.normalize('NFC');
    const matches =
      (await this.#inTurn(() => verify(passwordHash ?? decoy, composed))) ||
      // Earlier versions hashed a password as it was typed.
      (composed !== password && (await this.#inTurn(() => verify(passwordHash ?? decoy, password))));
    return matches && passwordHash !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#limit.run(work);
    } catch (error) {
      if (error instanceof TooManyWaiting) throw new HasherBusy('too many log-ins are waiting');
      throw error;
    }
  }
}
