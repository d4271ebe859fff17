import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Rejected, refuse } from '../../domain/rejection.js';
import {
  endsHold,
  type HoldDeadline,
  type HoldEnd,
  type HoldStatus,
  holdEnded,
  type SeatCommand,
  type SeatState,
  seatDecider,
  statusOfHold,
} from '../../domain/seat.js';
import {
  strandedHolds,
  type TokenCommand,
  type TokenHold,
  type TokenState,
  tokenDecider,
} from '../../domain/token.js';
import type { Position } from '../../event-store/port.js';
import type { HoldId, ScheduleId, SeatId, TokenId, UserId } from '../../events/ids.js';
import type { SeatEvent } from '../../events/seat-events.js';
import { streams } from '../../events/streams.js';
import { Clock } from '../../platform/clock.js';
import { type CommandContext, stepContext } from '../command-context.js';
import { type Accepted, DeciderHandler, type Outcome } from '../decider-handler.js';
import type { QueueToken } from '../queue/queue-admission.js';
import { type Loaded, StreamRepository } from '../stream-repository.js';

type ReturnReason = Extract<TokenCommand, { kind: 'return-seats' }>['reason'];
type SeatEnd = { readonly kind: 'release'; readonly reason: HoldEnd } | { readonly kind: 'expire' };

interface OwnedHold {
  readonly holdId: HoldId;
  readonly tokenId: TokenId;
  readonly hold: TokenHold;
  readonly userId: UserId;
}

/** A hold that asks for a seat, or that is ended on it. */
export interface HoldOnSeat extends HoldDeadline {
  readonly tokenId: TokenId;
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
}

/** Times the log is asked about one hold on one seat: each time more than 64 other holds ended there meanwhile. */
const maxLookups = 5;

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
   * Frees the seats that the hold has and returns them to the fan's limit. Reserved seats stay. Holds of the token with a
   * companion's place whose wheelchair place goes are given back with it.
   * @param reason `conflict`: the hold's own request lost a seat and will take no other. The seats it never took need no
   * barrier, unless the request ran twice.
   * @returns undefined when there is nothing to return; without events when it was returned before.
   */
  async giveBack(
    tokenId: TokenId,
    holdId: HoldId,
    reason: HoldEnd,
    context: CommandContext,
  ): Promise<Accepted<TokenState> | undefined> {
    const returned = await this.#giveBack(tokenId, holdId, reason, context);
    // Also when nothing was left to return: an earlier run may have stopped here.
    const { state } = returned ?? (await this.repository.load(tokenDecider, streams.token(tokenId)));
    if (state.kind === 'none') return returned;
    let all = returned;
    for (const stranded of strandedHolds(state, this.clock.now())) {
      const why = reason === 'conflict' ? 'released' : reason;
      const also = await this.#giveBack(tokenId, stranded, why, stepContext(context, stranded));
      if (also) all = all ? { ...also, events: [...all.events, ...also.events] } : also;
    }
    return all;
  }

  async #giveBack(
    tokenId: TokenId,
    holdId: HoldId,
    reason: HoldEnd,
    context: CommandContext,
  ): Promise<Accepted<TokenState> | undefined> {
    const owned = await this.#find(tokenId, holdId);
    if (!owned) return undefined;
    const isBarred = reason !== 'conflict' || owned.hold.hasSecondRun;
    const seatIds = await this.#endOnSeats(owned, { kind: 'release', reason }, isBarred, context);
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds, reason, isBarred } as const;
    const returned = await this.deciders.execute(tokenDecider, streams.token(tokenId), command, context);
    if (returned.kind === 'accepted') return returned;
    if (isBarred || returned.rejection.code !== 'hold-in-progress') throw new Rejected(returned.rejection);
    // A second run was recorded in between, so the seats have to bar the hold after all.
    return this.#giveBack(tokenId, holdId, reason, context);
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
  async refuseInProgress(tokenId: TokenId, hold: TokenHold, holdId: HoldId): Promise<void> {
    if (this.clock.now() >= hold.expiresAt || !(await this.isInProgress(tokenId, hold, holdId))) return;
    throw refuse('hold-in-progress', 'These seats are being held right now: try again in a moment.');
  }

  /** Whether a run of the hold's request could still take one of its seats. */
  async isInProgress(tokenId: TokenId, hold: TokenHold, holdId: HoldId): Promise<boolean> {
    const { scheduleId, outstanding, expiresAt } = hold;
    for (const seatId of outstanding) {
      const stream = streams.seat(scheduleId, seatId);
      const loaded = await this.repository.load(seatDecider, stream);
      const asking = { tokenId, holdId, scheduleId, seatId, expiresAt };
      if ((await this.#statusOf(asking, loaded)) === 'untouched') return true;
    }
    return false;
  }

  /** The prices at which the hold has its seats; without those that it does not have. */
  async pricesOf({ scheduleId, seatIds }: TokenHold, holdId: HoldId): Promise<ReadonlyMap<SeatId, number>> {
    const prices = new Map<SeatId, number>();
    for (const seatId of seatIds) {
      const { state } = await this.repository.load(seatDecider, streams.seat(scheduleId, seatId));
      if (state.kind === 'held' && state.holdId === holdId) prices.set(seatId, state.price);
    }
    return prices;
  }

  /**
   * Runs a hold's command on one of its seats. A seat that has forgotten whether the hold ended on it gets the answer
   * from the log: docs/late-requests.md.
   * @param options see {@link DeciderHandler.execute}.
   * @returns also what the hold has of the seat afterwards.
   */
  async executeOnSeat(
    asking: HoldOnSeat,
    command: Extract<SeatCommand, { kind: 'hold' | 'release' | 'expire' }>,
    context: CommandContext,
    options: { readonly isLikelyNew?: boolean } = {},
  ): Promise<{ readonly outcome: Outcome<SeatState>; readonly status: HoldStatus }> {
    const stream = streams.seat(asking.scheduleId, asking.seatId);
    let outcome = await this.deciders.execute(seatDecider, stream, command, context, options);
    for (let lookup = 0; lookup < maxLookups && outcome.kind === 'rejected'; lookup++) {
      if (statusOfHold(outcome.state, asking) !== 'forgotten') break;
      if ((await this.#statusOf(asking, outcome)) === 'ended')
        return { outcome: ended(command, outcome), status: 'ended' };
      const evidence = { notAmongFirst: outcome.state.endedHolds.count };
      outcome = await this.deciders.execute(seatDecider, stream, { ...command, ...evidence }, context);
    }
    return { outcome, status: statusOfHold(outcome.state, asking) };
  }

  /** What the hold has of a seat in this state; never `forgotten`. */
  async #statusOf(hold: HoldOnSeat, { state, revision }: Loaded<SeatState>): Promise<HoldStatus> {
    const status = statusOfHold(state, hold);
    if (status !== 'forgotten' || revision === undefined) return status;
    // It can only have ended after it was claimed.
    const claimedAt = await this.#claimedAt(hold);
    const stream = streams.seat(hold.scheduleId, hold.seatId);
    for await (const { event } of this.repository.eventsBetween(stream, claimedAt, revision + 1)) {
      // The streams of seats hold only their events.
      if (endsHold(event as SeatEvent, hold.holdId)) return 'ended';
    }
    return 'untouched';
  }

  /** Position of the claim against the fan's limit; undefined when there is none. */
  async #claimedAt({ tokenId, holdId }: HoldOnSeat): Promise<Position | undefined> {
    const stream = streams.token(tokenId);
    const { revision = -1 } = await this.repository.load(tokenDecider, stream);
    for await (const { event, position } of this.repository.eventsBetween(stream, undefined, revision + 1)) {
      if (event.type === 'SeatsRequested' && event.data.holdId === holdId) return position;
    }
    return undefined;
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
    return hold && { holdId, tokenId, hold, userId: state.userId };
  }

  /**
   * Ends the hold on all its seats.
   * @param isBarring the hold is barred from seats that it never had.
   * @returns the seats that may be returned to the fan's limit.
   */
  async #endOnSeats(
    { holdId, tokenId, hold, userId }: OwnedHold,
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
      const command = { ...end, scheduleId, seatId, holdId, ...barrier };
      const asking = { tokenId, holdId, scheduleId, seatId, expiresAt };
      const { outcome, status } = await this.executeOnSeat(asking, command, context);
      if (outcome.kind === 'rejected') throw new Rejected(outcome.rejection);
      const isUntouched = status === 'untouched' || status === 'forgotten';
      if (status === 'ended' || (isUntouched && !bars)) returnable.push(seatId);
    }
    return returnable;
  }
}

/** The outcome of a command of a hold that ended on the seat before. */
function ended(
  { kind }: Pick<SeatCommand, 'kind'>,
  { state, revision, position }: Loaded<SeatState>,
): Outcome<SeatState> {
  const loaded = { state, revision, position };
  if (kind === 'hold') return { ...holdEnded, ...loaded };
  return { kind: 'accepted', events: [], ...loaded };
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
    await this.holds.refuseInProgress(tokenId, hold, holdId);
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
