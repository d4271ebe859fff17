import type { HoldId, Instant, OrderId, ScheduleId, SeatId, TokenId, UserId } from '../../events/ids.js';
import type { SeatEvent } from '../../events/seat-events.js';
import { accept, assertNever, type Decider, type Decision, reject } from '../decider.js';

/**
 * The holds that ended last, newest first. One of them never comes back to life, whatever is retried; a retry
 * older than all of these is refused by its own deadline.
 */
type EndedHolds = readonly HoldId[];
const maxEndedHolds = 16;

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

interface SeatName {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
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
    | { readonly kind: 'release'; readonly holdId: HoldId; readonly reason: 'conflict' | 'released' }
    | { readonly kind: 'expire'; readonly holdId: HoldId }
    | { readonly kind: 'reserve'; readonly holdId: HoldId; readonly orderId: OrderId }
    /** Undoes whatever the order has of the seat: its reservation, or the hold it was going to reserve. */
    | {
        readonly kind: 'give-back';
        readonly holdId: HoldId;
        readonly orderId: OrderId;
        readonly reason: 'order-failed' | 'order-cancelled';
      }
  );

/** One seat on one date: free, held until a deadline, or reserved by an order. */
export const seatDecider: Decider<SeatState, SeatCommand, SeatEvent> = {
  initial: { kind: 'free', endedHolds: [] },

  decide(command, state, now) {
    switch (command.kind) {
      case 'hold':
        return decideHold(command, state, now);
      case 'release': {
        if (state.kind !== 'held' || state.holdId !== command.holdId) return accept();
        return accept({
          type: 'SeatHoldReleased',
          data: { ...seatOf(command), ...holderOf(state), reason: command.reason },
        });
      }
      case 'expire': {
        const isDue = state.kind === 'held' && state.holdId === command.holdId && now >= state.expiresAt;
        return isDue ? accept(holdExpired(command, state)) : accept();
      }
      case 'reserve':
        return decideReserve(command, state, now);
      case 'give-back':
        return decideGiveBack(command, state);
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    const { endedHolds } = state;
    switch (event.type) {
      case 'SeatHeld': {
        const { holdId, userId, tokenId, price, expiresAt } = event.data;
        return { kind: 'held', holdId, userId, tokenId, price, expiresAt, endedHolds };
      }
      case 'SeatHoldReleased':
      case 'SeatHoldExpired':
        return free(event.data.holdId, endedHolds);
      case 'SeatReserved': {
        const { orderId, holdId, userId } = event.data;
        return { kind: 'reserved', orderId, holdId, userId, endedHolds };
      }
      case 'SeatReservationCancelled':
        return state.kind === 'reserved' ? free(state.holdId, endedHolds) : state;
      default:
        return assertNever(event);
    }
  },
};

/** Whether nobody owns the seat at `now`: a hold past its deadline is free, whether or not that was written. */
export function isFree(state: SeatState, now: Instant): boolean {
  return state.kind === 'free' || (state.kind === 'held' && now >= state.expiresAt);
}

type CommandOf<Kind extends SeatCommand['kind']> = Extract<SeatCommand, { kind: Kind }>;
type Held = Extract<SeatState, { kind: 'held' }>;

function decideHold(command: CommandOf<'hold'>, state: SeatState, now: Instant): Decision<SeatEvent> {
  const { kind: _, ...data } = command;
  // A process that slept through the deadline must not take a seat it no longer has a claim to.
  if (now >= command.expiresAt) return holdEnded;
  if (state.endedHolds.includes(command.holdId)) return holdEnded;
  const held: SeatEvent = { type: 'SeatHeld', data };
  switch (state.kind) {
    case 'free':
      return accept(held);
    case 'reserved':
      if (state.holdId === command.holdId) return holdEnded;
      return reject('seat-reserved', `Seat ${command.seatId} is sold: choose another one.`, {
        seatId: command.seatId,
      });
    case 'held': {
      const isLive = now < state.expiresAt;
      if (state.holdId === command.holdId) return isLive ? accept() : holdEnded;
      if (!isLive) return accept(holdExpired(command, state), held);
      return reject('seat-held', `Somebody else holds seat ${command.seatId}: choose another one.`, {
        seatId: command.seatId,
      });
    }
    default:
      return assertNever(state);
  }
}

function decideReserve(command: CommandOf<'reserve'>, state: SeatState, now: Instant): Decision<SeatEvent> {
  const { seatId, holdId, orderId } = command;
  if (state.kind === 'reserved' && state.orderId === orderId) return accept();
  if (state.kind === 'held' && state.holdId === holdId && now < state.expiresAt) {
    const { userId, price } = state;
    return accept({ type: 'SeatReserved', data: { ...seatOf(command), holdId, userId, orderId, price } });
  }
  if (isFree(state, now)) {
    return reject('hold-lapsed', `The hold of seat ${seatId} has lapsed: hold it again.`, { seatId });
  }
  return reject('seat-taken', `The hold of seat ${seatId} lapsed and somebody else took the seat.`, {
    seatId,
  });
}

function decideGiveBack(command: CommandOf<'give-back'>, state: SeatState): Decision<SeatEvent> {
  const { holdId, orderId, reason } = command;
  if (state.kind === 'reserved' && state.orderId === orderId) {
    const { userId } = state;
    return accept({
      type: 'SeatReservationCancelled',
      data: { ...seatOf(command), userId, orderId, reason },
    });
  }
  if (state.kind === 'held' && state.holdId === holdId) {
    return accept({
      type: 'SeatHoldReleased',
      data: { ...seatOf(command), ...holderOf(state), reason: 'order-failed' },
    });
  }
  return accept();
}

function holdExpired(seat: SeatName, state: Held): SeatEvent {
  return {
    type: 'SeatHoldExpired',
    data: { ...seatOf(seat), ...holderOf(state), expiredAt: state.expiresAt },
  };
}

function free(endedHold: HoldId, endedHolds: EndedHolds): SeatState {
  return { kind: 'free', endedHolds: [endedHold, ...endedHolds].slice(0, maxEndedHolds) };
}

function seatOf({ scheduleId, seatId }: SeatName): SeatName {
  return { scheduleId, seatId };
}

function holderOf({ holdId, userId }: Held) {
  return { holdId, userId };
}

const holdEnded = reject(
  'hold-ended',
  'This hold has ended: hold the seats again with a new idempotency key.',
);
