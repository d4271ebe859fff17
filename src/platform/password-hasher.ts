import { hash, verify } from '@node-rs/argon2';

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. */
const argon2id = {
  algorithm: 2 /* Argon2id: the package's const enum cannot be imported */,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const;

/** Thrown when so many log-ins wait that another would only wait in vain. */
export class HasherBusy extends Error {
  override readonly name = 'HasherBusy';
}

/**
 * Hashes passwords off the main thread, a few at a time: each takes 19 MiB and tens of milliseconds, so an
 * unbounded number of log-ins would starve everything else.
 */
export class PasswordHasher {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** What an unknown user's password is compared with, so that both answers take equally long. */
  #decoy: Promise<string> | undefined;

  /**
   * @param concurrency hashes at the same time.
   * @param maxWaiting hashes that may wait for their turn: some seconds' worth, since nobody waits longer.
   */
  constructor(
    private readonly concurrency = 2,
    private readonly maxWaiting = concurrency * 100,
  ) {}

  /** An argon2id hash in PHC format. @throws {HasherBusy} */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, argon2id));
  }

  /**
   * Whether the password belongs to the hash. Without a hash it takes as long and is false.
   * @throws {HasherBusy}
   */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= this.hash('nobody has this password');
    const decoy = await this.#decoy;
    const matches = await this.#inTurn(() => verify(passwordHash ?? decoy, password));
    return matches && passwordHash !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.concurrency) {
      if (this.#waiting.length >= this.maxWaiting) throw new HasherBusy('too many log-ins are waiting');
      // The turn is handed over by the one who finishes, who keeps #running as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
