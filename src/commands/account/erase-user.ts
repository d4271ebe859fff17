import { Inject, Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { z } from 'zod';
import { Rejected, refuse } from '../../domain/rejection.js';
import { loginDecider, userDecider } from '../../domain/user.js';
import { type WalletState, walletDecider } from '../../domain/wallet.js';
import { EventStore, type Position } from '../../event-store/port.js';
import { type UserId, userIdSchema } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { PasswordHasher } from '../../platform/password-hasher.js';
import { type CommandQueries, QUERIES } from '../../queries/queries.js';
import type { CommandContext } from '../command-context.js';
import { DeciderHandler } from '../decider-handler.js';
import { StreamRepository } from '../stream-repository.js';
import { loginStreamOf } from './account.js';
import { SessionCheck } from './session-check.js';

const forfeit = z
  .boolean()
  .default(false)
  .describe('True: points left and tickets for dates to come are given up.');

/** The keys that personal data in the log is encrypted with. */
export abstract class PersonalKeys {
  /** Makes the user's personal data unreadable for good. Safe to repeat. */
  abstract destroy(userId: UserId): Promise<void>;
}

export const eraseUserSchema = z.strictObject({
  /** A login id has at most 30 characters, so it cannot be mistaken for a user id. */
  user: z.string().trim().min(1).max(100).describe('A user id or a login id.'),
  forfeit,
});

export const eraseOwnAccountSchema = z.strictObject({ password: z.string().min(1).max(200), forfeit });

interface ErasedUser {
  readonly userId: UserId;
  readonly position: Position | undefined;
}

/** Erases a person, as an operator: by user id or login id. Repeating it finishes what was interrupted. */
export class EraseUser extends Command<ErasedUser> {
  constructor(
    readonly input: z.infer<typeof eraseUserSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Erases the account of the fan who asks; the password is needed. */
export class EraseOwnAccount extends Command<ErasedUser> {
  constructor(
    readonly userId: UserId,
    readonly input: z.infer<typeof eraseOwnAccountSchema>,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** Attempts to close a wallet that changes all the time. */
const maxAttempts = 10;

/**
 * Closes the wallet, writes UserErased, then destroys the key of the person's data. After a crash in between, a repeated
 * command or the erasure process (processes/erasure.ts) does the rest. UserErased ends all sessions: access and refresh
 * tokens of an erased user are refused.
 *
 * The wallet is closed at the revision that was read before the account was found unused, and is looked at anew where
 * that fails. So points credited before are seen here, and points credited later are refused by the wallet.
 */
@Injectable()
export class UserEraser {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    @Inject(QUERIES) private readonly queries: CommandQueries,
    private readonly store: EventStore,
    private readonly keys: PersonalKeys,
    private readonly clock: Clock,
    private readonly sessions: SessionCheck,
  ) {}

  /** @throws {Rejected} user-unknown, account-in-use, busy */
  async erase(userId: UserId, options: { forfeit: boolean }, context: CommandContext): Promise<ErasedUser> {
    const stream = streams.user(userId);
    const user = await this.repository.load(userDecider, stream);
    if (user.state.kind === 'registered') await this.#closeWallet(userId, options, context);
    const erased = await this.deciders.execute(userDecider, stream, { kind: 'erase' }, context);
    if (erased.kind === 'accepted') this.sessions.take(erased.events);
    // An earlier run may have written UserErased and crashed before it destroyed the key.
    if (erased.state.kind !== 'erased') throw refuse('user-unknown', 'There is no such user.');
    await this.keys.destroy(userId);
    return { userId, position: erased.position };
  }

  async #closeWallet(userId: UserId, options: { forfeit: boolean }, context: CommandContext): Promise<void> {
    const stream = streams.wallet(userId);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const wallet = await this.repository.refresh(walletDecider, stream);
      await this.#refuseInUse(userId, wallet.state, options);
      const now = this.clock.now();
      const close = walletDecider.decide({ kind: 'close', userId }, wallet.state, now);
      if (close.kind === 'rejected') throw new Rejected(close.rejection);
      if (close.events.length === 0) return;
      if (await this.repository.append(walletDecider, stream, wallet, close.events, context, now)) return;
    }
    throw refuse('busy', 'The points of this account change all the time: try again shortly.');
  }

  async #refuseInUse(userId: UserId, wallet: WalletState, options: { forfeit: boolean }): Promise<void> {
    const head = await this.store.head();
    if (head !== undefined && !(await this.queries.waitFor(head)))
      throw refuse(
        'busy',
        'The open holds, orders and charges of this account are not known yet: try again shortly.',
      );
    const unfinished = await this.queries.unfinishedBusiness(userId, this.clock.now());
    const open = [
      ...unfinished,
      ...(wallet.balance > 0 && !wallet.isClosed ? (['points'] as const) : []),
    ].filter((one) => !options.forfeit || (one !== 'points' && one !== 'tickets'));
    if (open.length === 0) return;
    throw refuse(
      'account-in-use',
      `This account still has ${open.join(', ')}. Holds, orders and charges must end first; tickets can be cancelled; ` +
        'points and tickets are given up with forfeit.',
      { open },
    );
  }
}

@CommandHandler(EraseUser)
export class EraseUserHandler implements ICommandHandler<EraseUser> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly eraser: UserEraser,
  ) {}

  /** @throws {Rejected} user-unknown, account-in-use, busy */
  async execute({ input, context }: EraseUser): Promise<ErasedUser> {
    const userId = userIdSchema.safeParse(input.user).data ?? (await this.#ownerOf(input.user));
    if (!userId) throw refuse('user-unknown', 'There is no such user.');
    return this.eraser.erase(userId, input, context);
  }

  async #ownerOf(loginId: string): Promise<UserId | undefined> {
    return (await this.repository.load(loginDecider, loginStreamOf(loginId))).state.userId;
  }
}

@CommandHandler(EraseOwnAccount)
export class EraseOwnAccountHandler implements ICommandHandler<EraseOwnAccount> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly eraser: UserEraser,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @throws {Rejected} invalid-credentials, account-in-use, busy */
  async execute({ userId, input, context }: EraseOwnAccount): Promise<ErasedUser> {
    const { state } = await this.repository.load(userDecider, streams.user(userId));
    const known = state.kind === 'registered' ? state.passwordHash : undefined;
    if (!(await this.hasher.verify(known, input.password))) {
      throw refuse('invalid-credentials', 'The password is wrong.');
    }
    return this.eraser.erase(userId, input, context);
  }
}
