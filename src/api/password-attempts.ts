import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Rejected } from '../domain/rejection.js';
import { clientOf } from '../platform/client-address.js';
import { refuseWhenSpent } from './guards.js';
import { RATE_LIMITERS, type RateLimiters } from './rate-limiter.js';

/** Attempts of one address that wait for the outcome of others; further ones are refused. */
const maxWaiting = 200;

/** Attempts of one address in this process. */
interface Line {
  /** Attempts that have taken from the allowance and are not decided. */
  undecided: number;
  /** Those for which nothing was left, in the order in which they came. */
  readonly waiting: ((isGranted: boolean) => void)[];
}

/** Bounds how fast passwords are guessed, before they are hashed. */
@Injectable()
export class PasswordAttempts {
  readonly #lines = new Map<string, Line>();

  constructor(@Inject(RATE_LIMITERS) private readonly limiters: RateLimiters) {}

  /**
   * Runs a command that checks a password. It takes from the allowance of the address, which gets it back unless the
   * password was wrong, so that many fans behind one address may log in; and from that of the account, for good.
   * @param account what is guessed at: the user, or the login id whether or not it exists.
   * @throws {ApiProblem} too-many-requests
   */
  async run<Result>(
    request: FastifyRequest,
    account: string,
    command: () => Promise<Result>,
  ): Promise<Result> {
    const client = clientOf(request.ip);
    await this.#begin(client);
    let isWrong = false;
    try {
      refuseWhenSpent('passwords of an account', await this.limiters.accounts.take(account));
      return await command();
    } catch (error) {
      isWrong = error instanceof Rejected && error.rejection.code === 'invalid-credentials';
      throw error;
    } finally {
      await this.#end(client, isWrong);
    }
  }

  /** Takes from the address's allowance. Where undecided attempts have the rest of it, one of them may hand it on. */
  async #begin(client: string): Promise<void> {
    const waitSeconds = await this.limiters.passwords.take(client);
    const line = this.#lines.get(client);
    if (waitSeconds === 0) {
      if (line) line.undecided++;
      else this.#lines.set(client, { undecided: 1, waiting: [] });
      return;
    }
    if (!line || line.waiting.length >= maxWaiting) return refuseWhenSpent('passwords', waitSeconds);
    const isGranted = await new Promise<boolean>((resolve) => line.waiting.push(resolve));
    if (!isGranted) refuseWhenSpent('passwords', waitSeconds);
  }

  async #end(client: string, isWrong: boolean): Promise<void> {
    const line = this.#lines.get(client);
    if (!line) return;
    const next = isWrong ? undefined : line.waiting.shift();
    // Stays undecided, as another attempt.
    if (next) return next(true);
    line.undecided--;
    if (line.undecided === 0) {
      this.#lines.delete(client);
      for (const refuse of line.waiting) refuse(false);
    }
    if (!isWrong) await this.limiters.passwords.giveBack(client);
  }
}
