import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Rejected, refuse } from '../../domain/rejection.js';
import { isOver, isReservedBy, knowsHold, seatDecider } from '../../domain/seat.js';
import { type TokenCommand, type TokenHold, type TokenState, tokenDecider } from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import type { HoldId, SeatId, TokenId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { type Accepted, DeciderHandler } from '../decider-handler.js';
import type { QueueToken } from '../queue/queue-admission.js';

import { type Loaded, StreamRepository } from '../stream-repository.js';

/** Gives a hold's seats back before its deadline. Doing it twice changes nothing. */
export class ReleaseHold extends Command<{ readonly position: Position | undefined }> {
  constructor(
    readonly queueToken: QueueToken,
    readonly holdId: HoldId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

/**
 * Ends holds: frees the seats first and gives them back to the fan's limit last, so that a crash in between
 * leaves a limit that is too strict, never one that is too generous, and repeating the command finishes it.
 *
 * A seat is given back only when nobody can take it under the hold any more. Where the hold had the seat, the seat's
 * stream knows that it has ended. Where it had not, the request that should take it may be on its way still, in a
 * process whose clock is behind or that stood still: then the seat is made to bar the hold (SeatHoldBarred).
 */
@Injectable()
export class Holds {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly clock: Clock,
  ) {}

  /** The hold as its token knows it. */
  async find(tokenId: TokenId, holdId: HoldId): Promise<TokenHold | undefined> {
    return (await this.known(tokenId, holdId))?.hold;
  }

  /**
   * Frees whatever the hold still has and returns it to the limit. Reserved seats stay.
   *
   * `conflict` is what a request says that has lost a seat and stopped. As long as it is the only one that ever took
   * seats under the hold, nobody can take what it did not, and no seat needs to bar it: a thousand fans who lose the
   * race for one seat must not all write to it. A second run says so in the token's stream before it takes a seat
   * (SeatsRequestRepeated), so it comes either before the return, which then bars, or after it and is refused.
   */
  async giveBack(
    tokenId: TokenId,
    holdId: HoldId,
    reason: 'conflict' | 'released' | 'order-failed',
    context: CommandContext,
  ): Promise<Loaded<TokenState> | undefined> {
    const known = await this.known(tokenId, holdId);
    if (!known) return undefined;
    const isBarred = reason !== 'conflict' || known.hold.isRepeated;
    const release = { kind: 'release', reason: reason === 'conflict' ? 'conflict' : 'released' } as const;
    const seatIds = await this.endOnSeats(known, release, isBarred, context);
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred } as const;
    const returned = await this.deciders.execute(tokenDecider, streams.token(tokenId), command, context);
    if (returned.kind === 'accepted') return returned;
    if (isBarred || returned.rejection.code !== 'hold-in-progress') throw new Rejected(returned.rejection);
    // A second run made itself known in between, for good.
    return this.giveBack(tokenId, holdId, reason, context);
  }

  /**
   * Writes the expiry of a hold whose deadline has passed; before that it changes nothing.
   * @returns whether any seat came back to the fan's limit.
   */
  async expire(tokenId: TokenId, holdId: HoldId, context: CommandContext): Promise<boolean> {
    const known = await this.known(tokenId, holdId);
    if (!known || this.clock.now() < known.hold.expiresAt) return false;
    const seatIds = await this.endOnSeats(known, { kind: 'expire' }, true, context);
    const returned = await this.returnSeats(tokenId, holdId, seatIds, 'expired', context);
    return returned !== undefined && returned.events.length > 0;
  }

  /** Expires every lapsed hold of a token. @returns whether any seat came back. */
  async giveBackLapsed(tokenId: TokenId, context: CommandContext): Promise<boolean> {
    const { state } = await this.repository.load(tokenDecider, streams.token(tokenId));
    if (state.kind === 'none') return false;
    let isAnyReturned = false;
    for (const [holdId, hold] of state.holds) {
      if (hold.outstanding.length === 0) continue;
      const isReturned = await this.expire(tokenId, holdId, stepContext(context, holdId));
      isAnyReturned ||= isReturned;
    }
    return isAnyReturned;
  }

  /**
   * Refuses while seats of the hold are still being taken: ending it then would leave the rest behind.
   * @throws {Rejected} hold-in-progress
   */
  async refuseInProgress(hold: TokenHold, holdId: HoldId): Promise<void> {
    if (this.clock.now() >= hold.expiresAt || !(await this.isInProgress(hold, holdId))) return;
    throw refuse('hold-in-progress', 'These seats are being held right now: try again in a moment.');
  }

  /** Whether some seat of the hold could still be taken. */
  async isInProgress({ scheduleId, outstanding, expiresAt }: TokenHold, holdId: HoldId): Promise<boolean> {
    for (const seatId of outstanding) {
      const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
      if (!knowsHold(state, { holdId, expiresAt })) return true;
    }
    return false;
  }

  /** Returns seats to the fan's limit on which the hold has ended. */
  async returnSeats(
    tokenId: TokenId,
    holdId: HoldId,
    seatIds: readonly SeatId[],
    reason: ReturnSeats['reason'],
    context: CommandContext,
  ): Promise<Accepted<TokenState> | undefined> {
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred: true } as const;
    return this.deciders.executeOrThrow(tokenDecider, streams.token(tokenId), command, context);
  }

  private async known(tokenId: TokenId, holdId: HoldId): Promise<Known | undefined> {
    const { state } = await this.repository.load(tokenDecider, streams.token(tokenId));
    if (state.kind === 'none') return undefined;
    const hold = state.holds.get(holdId);
    return hold && { holdId, hold, userId: state.userId };
  }

  /**
   * Ends the hold on all its seats.
   * @param isBarring seats that it never had refuse it from now on.
   * @returns the seats that may stop counting.
   */
  private async endOnSeats(
    { holdId, hold, userId }: Known,
    end: { readonly kind: 'release'; readonly reason: 'conflict' | 'released' } | { readonly kind: 'expire' },
    isBarring: boolean,
    context: CommandContext,
  ): Promise<SeatId[]> {
    const { scheduleId, expiresAt } = hold;
    const seatIds: SeatId[] = [];
    // Also seats given back before: an older version let a late request take one after that.
    for (const seatId of hold.seatIds) {
      const bars = isBarring && hold.outstanding.includes(seatId);
      const barrier = bars ? { barrier: { userId, expiresAt } } : {};
      const { state } = await this.deciders.executeOrThrow(
        seatDecider,
        streams.seat(scheduleId, seatId),
        { ...end, scheduleId, seatId, holdId, ...barrier },
        context,
      );
      const isDone = bars ? isOver(state, { holdId, expiresAt }) : !isReservedBy(state, holdId);
      if (isDone) seatIds.push(seatId);
    }
    return seatIds;
  }
}

@CommandHandler(ReleaseHold)
export class ReleaseHoldHandler implements ICommandHandler<ReleaseHold> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly holds: Holds,
  ) {}

  /** @throws {Rejected} hold-unknown, hold-in-progress */
  async execute({ queueToken, holdId, context }: ReleaseHold): Promise<{ position: Position | undefined }> {
    const token = await this.repository.load(tokenDecider, streams.token(queueToken.tokenId));
    const hold = token.state.kind === 'none' ? undefined : token.state.holds.get(holdId);
    if (!hold) throw refuse('hold-unknown', 'You have no such hold.');
    await this.holds.refuseInProgress(hold, holdId);
    const released = await this.holds.giveBack(queueToken.tokenId, holdId, 'released', context);
    return { position: (released ?? token).position };
  }
}

/** Frees a hold whose deadline has passed. Early, late or repeated it changes nothing it should not. */
export class ExpireHold extends Command<void> {
  constructor(
    readonly tokenId: TokenId,
    readonly holdId: HoldId,
    readonly context: CommandContext,
  ) {
    super();
  }
}

@CommandHandler(ExpireHold)
export class ExpireHoldHandler implements ICommandHandler<ExpireHold> {
  constructor(private readonly holds: Holds) {}

  async execute({ tokenId, holdId, context }: ExpireHold): Promise<void> {
    await this.holds.expire(tokenId, holdId, context);
  }
}

type ReturnSeats = Extract<TokenCommand, { kind: 'return-seats' }>;

/** A hold, and whose it is. */
interface Known {
  readonly holdId: HoldId;
  readonly hold: TokenHold;
  readonly userId: UserId;
}
