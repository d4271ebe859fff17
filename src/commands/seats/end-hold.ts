import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Rejected, refuse } from '../../domain/rejection.js';
import { seatDecider, statusOfHold } from '../../domain/seat.js';
import { type TokenCommand, type TokenHold, type TokenState, tokenDecider } from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import type { HoldId, SeatId, TokenId, UserId } from '../../events/ids.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { type Accepted, DeciderHandler } from '../decider-handler.js';
import type { QueueToken } from '../queue/queue-admission.js';
import { type Loaded, StreamRepository } from '../stream-repository.js';

type ReturnReason = Extract<TokenCommand, { kind: 'return-seats' }>['reason'];
type SeatEnd =
  | { readonly kind: 'release'; readonly reason: 'conflict' | 'released' }
  | { readonly kind: 'expire' };

interface OwnedHold {
  readonly holdId: HoldId;
  readonly hold: TokenHold;
  readonly userId: UserId;
}

/**
 * Ends holds: frees the seats first and returns them to the fan's limit last, so that a crash in between leaves a
 * limit that is too strict, never one that is too generous, and repeating the command finishes it.
 *
 * A seat is returned only when no run of the hold's request can take it any more: docs/late-requests.md.
 */
@Injectable()
export class Holds {
  constructor(
    private readonly repository: StreamRepository,
    private readonly deciders: DeciderHandler,
    private readonly clock: Clock,
  ) {}

  /** The hold in its token's stream; undefined when it was never requested. */
  async find(tokenId: TokenId, holdId: HoldId): Promise<TokenHold | undefined> {
    return (await this.#find(tokenId, holdId))?.hold;
  }

  /**
   * Frees the seats that the hold has and returns them to the fan's limit. Reserved seats stay.
   * @param reason `conflict`: the hold's own request lost a seat and will take no other. The seats it never took need no
   * barrier, unless the request ran twice.
   */
  async giveBack(
    tokenId: TokenId,
    holdId: HoldId,
    reason: 'conflict' | 'released',
    context: CommandContext,
  ): Promise<Loaded<TokenState> | undefined> {
    const owned = await this.#find(tokenId, holdId);
    if (!owned) return undefined;
    const isBarred = reason === 'released' || owned.hold.hasSecondRun;
    const seatIds = await this.#endOnSeats(owned, { kind: 'release', reason }, isBarred, context);
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred } as const;
    const returned = await this.deciders.execute(tokenDecider, streams.token(tokenId), command, context);
    if (returned.kind === 'accepted') return returned;
    if (isBarred || returned.rejection.code !== 'hold-in-progress') throw new Rejected(returned.rejection);
    // A second run was recorded in between, so the seats have to bar the hold after all.
    return this.giveBack(tokenId, holdId, reason, context);
  }

  /**
   * Writes the expiry of a hold whose deadline has passed; before that it changes nothing.
   * @returns whether any seat was returned to the fan's limit.
   */
  async expire(tokenId: TokenId, holdId: HoldId, context: CommandContext): Promise<boolean> {
    const owned = await this.#find(tokenId, holdId);
    if (!owned || this.clock.now() < owned.hold.expiresAt) return false;
    const seatIds = await this.#endOnSeats(owned, { kind: 'expire' }, true, context);
    const returned = await this.returnSeats(tokenId, holdId, seatIds, 'expired', context);
    return returned !== undefined && returned.events.length > 0;
  }

  /** Expires every lapsed hold of a token. @returns whether any seat was returned to the fan's limit. */
  async expireLapsed(tokenId: TokenId, context: CommandContext): Promise<boolean> {
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

  /** Whether a run of the hold's request could still take one of its seats. */
  async isInProgress({ scheduleId, outstanding, expiresAt }: TokenHold, holdId: HoldId): Promise<boolean> {
    for (const seatId of outstanding) {
      const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
      if (statusOfHold(state, { holdId, expiresAt }) === 'untouched') return true;
    }
    return false;
  }

  /** Returns seats to the fan's limit on which the hold has ended. */
  async returnSeats(
    tokenId: TokenId,
    holdId: HoldId,
    seatIds: readonly SeatId[],
    reason: ReturnReason,
    context: CommandContext,
  ): Promise<Accepted<TokenState> | undefined> {
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred: true } as const;
    return this.deciders.executeOrThrow(tokenDecider, streams.token(tokenId), command, context);
  }

  async #find(tokenId: TokenId, holdId: HoldId): Promise<OwnedHold | undefined> {
    const { state } = await this.repository.load(tokenDecider, streams.token(tokenId));
    if (state.kind === 'none') return undefined;
    const hold = state.holds.get(holdId);
    return hold && { holdId, hold, userId: state.userId };
  }

  /**
   * Ends the hold on all its seats.
   * @param isBarring the hold is barred from seats that it never had.
   * @returns the seats that may be returned to the fan's limit.
   */
  async #endOnSeats(
    { holdId, hold, userId }: OwnedHold,
    end: SeatEnd,
    isBarring: boolean,
    context: CommandContext,
  ): Promise<SeatId[]> {
    const { scheduleId, expiresAt } = hold;
    const returnable: SeatId[] = [];
    // Seats that were returned before are freed too: an older version let a late run take one after that.
    for (const seatId of hold.seatIds) {
      const bars = isBarring && hold.outstanding.includes(seatId);
      const barrier = bars ? { barrier: { userId, expiresAt } } : {};
      const { state } = await this.deciders.executeOrThrow(
        seatDecider,
        streams.seat(scheduleId, seatId),
        { ...end, scheduleId, seatId, holdId, ...barrier },
        context,
      );
      const status = statusOfHold(state, { holdId, expiresAt });
      if (status === 'ended' || (status === 'untouched' && !bars)) returnable.push(seatId);
    }
    return returnable;
  }
}

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

@CommandHandler(ReleaseHold)
export class ReleaseHoldHandler implements ICommandHandler<ReleaseHold> {
  constructor(
    private readonly repository: StreamRepository,
    private readonly holds: Holds,
  ) {}

  /** @throws {Rejected} hold-unknown, hold-in-progress */
  async execute({ queueToken, holdId, context }: ReleaseHold): Promise<{ position: Position | undefined }> {
    const { tokenId } = queueToken;
    const token = await this.repository.load(tokenDecider, streams.token(tokenId));
    const hold = token.state.kind === 'none' ? undefined : token.state.holds.get(holdId);
    if (!hold) throw refuse('hold-unknown', 'You have no such hold.');
    await this.holds.refuseInProgress(hold, holdId);
    const released = await this.holds.giveBack(tokenId, holdId, 'released', context);
    return { position: (released ?? token).position };
  }
}

/** Ends a hold whose deadline has passed. Too early or repeated, it changes nothing. */
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
