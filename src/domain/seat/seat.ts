import type { Instant } from '../../events/ids.js';
import type { SeatEvent } from '../../events/seat-events.js';
import { accept, assertNever, type Decider, type Decision, reject } from '../decider.js';
import { type EndedHolds, hasEnded, noEndedHolds, withEnded } from './ended-holds.js';
import { isFree, isOf, isReservedBy, type SeatCommand, type SeatName, type SeatState } from './seat-state.js';

/** One seat on one date: free, held until a deadline, or reserved by an order. */
export const seatDecider: Decider<SeatState, SeatCommand, SeatEvent> = {
  initial: { kind: 'free', endedHolds: noEndedHolds },

  decide(command, state, now) {
    switch (command.kind) {
      case 'hold':
        return decideHold(command, state, now);
      case 'release': {
        if (state.kind !== 'held' || state.holdId !== command.holdId) return decideBar(command, state);
        return accept({
          type: 'SeatHoldReleased',
          data: { ...seatOf(command), ...holderOf(state), reason: command.reason },
        });
      }
      case 'expire': {
        if (state.kind === 'held' && state.holdId === command.holdId) {
          return now >= state.expiresAt ? accept(holdExpired(command, state)) : accept();
        }
        const isDue = command.barrier !== undefined && now >= command.barrier.expiresAt;
        return isDue ? decideBar(command, state) : accept();
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
        return { kind: 'free', endedHolds: afterHold(state) };
      case 'SeatHoldBarred':
        // Whoever has the seat keeps it.
        return { ...state, endedHolds: withEnded(endedHolds, event.data) };
      case 'SeatReserved': {
        const { orderId, holdId, userId } = event.data;
        return { kind: 'reserved', orderId, holdId, userId, endedHolds: afterHold(state) };
      }
      case 'SeatReservationCancelled':
        return state.kind === 'reserved' ? { kind: 'free', endedHolds } : state;
      default:
        return assertNever(event);
    }
  },
};

type CommandOf<Kind extends SeatCommand['kind']> = Extract<SeatCommand, { kind: Kind }>;
type Held = Extract<SeatState, { kind: 'held' }>;

function decideHold(command: CommandOf<'hold'>, state: SeatState, now: Instant): Decision<SeatEvent> {
  const { kind: _, ...data } = command;
  // A process that slept through the deadline must not take a seat it no longer has a claim to.
  if (now >= command.expiresAt) return holdEnded;
  if (isOf(state, command.holdId))
    return state.kind === 'held' && now < state.expiresAt ? accept() : holdEnded;
  if (hasEnded(state.endedHolds, command)) return holdEnded;
  const held: SeatEvent = { type: 'SeatHeld', data };
  switch (state.kind) {
    case 'free':
      return accept(held);
    case 'reserved':
      return reject('seat-reserved', `Seat ${command.seatId} is sold: choose another one.`, {
        seatId: command.seatId,
      });
    case 'held': {
      if (now >= state.expiresAt) return accept(holdExpired(command, state), held);
      return reject('seat-held', `Somebody else holds seat ${command.seatId}: choose another one.`, {
        seatId: command.seatId,
      });
    }
    default:
      return assertNever(state);
  }
}

/** The seat is not held by the hold. */
function decideBar(
  { barrier, holdId, ...seat }: CommandOf<'release' | 'expire'>,
  state: SeatState,
): Decision<SeatEvent> {
  if (!barrier || isReservedBy(state, holdId) || hasEnded(state.endedHolds, { ...barrier, holdId })) {
    return accept();
  }
  const { userId, expiresAt } = barrier;
  return accept({ type: 'SeatHoldBarred', data: { ...seatOf(seat), holdId, userId, expiresAt } });
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
  // An order names only seats that its hold has taken, so what the hold no longer has, it had: it has ended here.
  return accept();
}

function holdExpired(seat: SeatName, state: Held): SeatEvent {
  return {
    type: 'SeatHoldExpired',
    data: { ...seatOf(seat), ...holderOf(state), expiredAt: state.expiresAt },
  };
}

/** A hold ends when it is released, lapses, or becomes a reservation. */
function afterHold(state: SeatState): EndedHolds {
  return state.kind === 'held' ? withEnded(state.endedHolds, state) : state.endedHolds;
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
