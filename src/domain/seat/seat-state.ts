import type { HoldId, Instant, OrderId, ScheduleId, SeatId, TokenId, UserId } from '../../events/ids.js';
import { type EndedHold, type EndedHolds, hasEnded } from './ended-holds.js';

export type SeatState =
  | { readonly kind: 'free'; readonly endedHolds: EndedHolds }
  | {
      readonly kind: 'held';
      readonly holdId: HoldId;
      readonly userId: UserId;
      readonly tokenId: TokenId;
      readonly price: number;
      readonly expiresAt: Instant;
      readonly endedHolds: EndedHolds;
    }
  | {
      readonly kind: 'reserved';
      readonly orderId: OrderId;
      readonly holdId: HoldId;
      readonly userId: UserId;
      readonly endedHolds: EndedHolds;
    };

export interface SeatName {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
}

/**
 * Asks the seat to refuse the hold for good if it does not have it: a request that is late, or whose clock is behind,
 * could otherwise take the seat after it was counted as given back.
 */
export interface Barrier {
  readonly userId: UserId;
  /** The deadline of the hold's request. */
  readonly expiresAt: Instant;
}

export type SeatCommand = SeatName &
  (
    | {
        readonly kind: 'hold';
        readonly holdId: HoldId;
        readonly userId: UserId;
        readonly tokenId: TokenId;
        readonly price: number;
        readonly expiresAt: Instant;
      }
    | {
        readonly kind: 'release';
        readonly holdId: HoldId;
        readonly reason: 'conflict' | 'released';
        readonly barrier?: Barrier;
      }
    | { readonly kind: 'expire'; readonly holdId: HoldId; readonly barrier?: Barrier }
    | { readonly kind: 'reserve'; readonly holdId: HoldId; readonly orderId: OrderId }
    /** Undoes whatever the order has of the seat: its reservation, or the hold it was going to reserve. */
    | {
        readonly kind: 'give-back';
        readonly holdId: HoldId;
        readonly orderId: OrderId;
        readonly reason: 'order-failed' | 'order-cancelled';
      }
  );

/** Whether nobody owns the seat at `now`: a hold past its deadline is free, whether or not that was written. */
export function isFree(state: SeatState, now: Instant): boolean {
  return state.kind === 'free' || (state.kind === 'held' && now >= state.expiresAt);
}

/** Whether the hold has turned the seat into a reservation: it is no longer the hold's to give back. */
export function isReservedBy(state: SeatState, holdId: HoldId): boolean {
  return state.kind === 'reserved' && state.holdId === holdId;
}

/** Whether the hold has the seat, lapsed or not. */
export function isOf(state: SeatState, holdId: HoldId): boolean {
  return state.kind !== 'free' && state.holdId === holdId;
}

/** Whether the hold has, or had, the seat or is barred from it: nobody can take it under the hold any more. */
export function knowsHold(state: SeatState, hold: EndedHold): boolean {
  return isOf(state, hold.holdId) || hasEnded(state.endedHolds, hold);
}

/** Whether the hold has nothing of the seat and never will: only then may the seat stop counting for its fan. */
export function isOver(state: SeatState, hold: EndedHold): boolean {
  return !isOf(state, hold.holdId) && hasEnded(state.endedHolds, hold);
}
