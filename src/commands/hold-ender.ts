import { Inject, Injectable } from '@nestjs/common';
import { type SeatState, seatDecider } from '../domain/seat/seat.js';
import { tokenDecider } from '../domain/token/token.js';
import { type TokenHold, type TokenState } from '../domain/token/token-state.js';
import type { HoldId, SeatId, TokenId } from '../events/ids.js';
import type { TokenEvent } from '../events/queue-events.js';
import { streams } from '../events/streams.js';
import type { Clock } from '../platform/clock.js';
import { type CommandContext, stepContext } from './command-context.js';
import { type Accepted, Executor } from './execute.js';
import { CLOCK } from './ports.js';
import { refuse } from './rejected.js';
import type { Loaded } from './stream-states.js';

type ReturnReason = Extract<TokenEvent, { type: 'SeatsReturned' }>['data']['reason'];

/**
 * Ends holds: frees the seats first and gives them back to the fan's limit last, so that a crash in between
 * leaves a limit that is too strict, never one that is too generous, and repeating the command finishes it.
 */
@Injectable()
export class HoldEnder {
  constructor(
    private readonly executor: Executor,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The hold as its token knows it. */
  async find(tokenId: TokenId, holdId: HoldId): Promise<TokenHold | undefined> {
    const { state } = await this.executor.load(tokenDecider, streams.token(tokenId));
    return state.kind === 'none' ? undefined : state.holds.get(holdId);
  }

  /** Frees whatever the hold still has and returns it to the limit. Reserved seats stay. */
  async giveBack(
    tokenId: TokenId,
    holdId: HoldId,
    reason: 'conflict' | 'released' | 'order-failed',
    context: CommandContext,
  ): Promise<Loaded<TokenState> | undefined> {
    const hold = await this.find(tokenId, holdId);
    if (!hold) return undefined;
    const freed: SeatId[] = [];
    // Also seats returned before: a runner that was late may have taken one after that.
    for (const seatId of hold.seatIds) {
      const released = await this.executor.executeOrThrow(
        seatDecider,
        streams.seat(hold.scheduleId, seatId),
        {
          kind: 'release',
          scheduleId: hold.scheduleId,
          seatId,
          holdId,
          reason: reason === 'conflict' ? 'conflict' : 'released',
        },
        context,
      );
      if (!isReservedBy(released.state, holdId)) freed.push(seatId);
    }
    return this.returnSeats(tokenId, holdId, freed, reason, context);
  }

  /**
   * Writes the expiry of a hold whose deadline has passed; before that it changes nothing.
   * @returns whether any seat came back to the fan's limit.
   */
  async expire(tokenId: TokenId, holdId: HoldId, context: CommandContext): Promise<boolean> {
    const hold = await this.find(tokenId, holdId);
    if (!hold || this.clock.now() < hold.expiresAt) return false;
    const freed: SeatId[] = [];
    for (const seatId of hold.seatIds) {
      const { scheduleId } = hold;
      const stream = streams.seat(scheduleId, seatId);
      const expire = { kind: 'expire', scheduleId, seatId, holdId } as const;
      const { state } = await this.executor.executeOrThrow(seatDecider, stream, expire, context);
      if (!isReservedBy(state, holdId)) freed.push(seatId);
    }
    const returned = await this.returnSeats(tokenId, holdId, freed, 'expired', context);
    return returned !== undefined && returned.events.length > 0;
  }

  /** Expires every lapsed hold of a token. @returns whether any seat came back. */
  async giveBackLapsed(tokenId: TokenId, context: CommandContext): Promise<boolean> {
    const { state } = await this.executor.load(tokenDecider, streams.token(tokenId));
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
    if (this.clock.now() >= hold.expiresAt) return;
    for (const seatId of hold.outstanding) {
      const { state } = await this.executor.load(seatDecider, streams.seat(hold.scheduleId, seatId));
      if (state.kind !== 'free' && state.holdId === holdId) continue;
      if (state.endedHolds.includes(holdId)) continue;
      throw refuse('hold-in-progress', 'These seats are being held right now: try again in a moment.');
    }
  }

  /** Returns seats to the fan's limit. */
  async returnSeats(
    tokenId: TokenId,
    holdId: HoldId,
    seatIds: readonly SeatId[],
    reason: ReturnReason,
    context: CommandContext,
  ): Promise<Accepted<TokenState> | undefined> {
    if (seatIds.length === 0) return undefined;
    const command = { kind: 'return-seats', holdId, seatIds: [...seatIds], reason } as const;
    return this.executor.executeOrThrow(tokenDecider, streams.token(tokenId), command, context);
  }
}

/** A seat the hold has already turned into a reservation is no longer the hold's to give back. */
export function isReservedBy(state: SeatState, holdId: HoldId): boolean {
  return state.kind === 'reserved' && state.holdId === holdId;
}
