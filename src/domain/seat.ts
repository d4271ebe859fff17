import type { HoldId, Instant, OrderId, ScheduleId, SeatId, TokenId, UserId } from '../events/ids.js';
import type { SeatEvent } from '../events/seat-events.js';
import { accept, assertNever, type Decider, type Decision, reject } from './decider.js';

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

/**
 * If given, a command that ends a hold also makes the seat refuse that hold, in case it never had the seat: a late run of
 * its request can then not take the seat any more (docs/late-requests.md).
 */
interface Barrier {
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

/**
 * The order in which every command takes several seats. One order for all: of two commands that want overlapping seats one
 * always gets all of them.
 */
export function inSeatOrder<Item extends { readonly seatId: SeatId }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => (a.seatId < b.seatId ? -1 : 1));
}

/** Whether nobody owns the seat at `now`: a hold past its deadline is free, whether or not that was written. */
export function isFree(state: SeatState, now: Instant): boolean {
  return state.kind === 'free' || (state.kind === 'held' && now >= state.expiresAt);
}

/** Whether the hold has turned the seat into a reservation: it is no longer the hold's to give back. */
export function isReservedBy(state: SeatState, holdId: HoldId): boolean {
  return state.kind === 'reserved' && state.holdId === holdId;
}

/**
 * What a hold has of a seat:
 * - `untouched`: it never had the seat; a late run of its request could still take it.
 * - `held`: it has the seat, lapsed or not.
 * - `reserved`: it became a reservation.
 * - `ended`: it had the seat or was barred from it, and can never take it (again).
 */
export type HoldStatus = 'untouched' | 'held' | 'reserved' | 'ended';

export function statusOfHold(state: SeatState, hold: HoldDeadline): HoldStatus {
  if (state.kind !== 'free' && state.holdId === hold.holdId) return state.kind;
  return isAmong(state.endedHolds, hold) ? 'ended' : 'untouched';
}

/** A hold and the deadline it was requested with: until then a run of its request may try to take a seat. */
export interface HoldDeadline {
  readonly holdId: HoldId;
  readonly expiresAt: Instant;
}

/**
 * The holds that a seat refuses for good: those that ended on it, and those barred from it. It refuses them whatever
 * is retried, however late, and by whatever clock.
 */
interface EndedHolds {
  /** Those with the latest deadlines, latest first. */
  readonly known: readonly HoldDeadline[];
  /** The latest deadline among those no longer kept by id: a hold that ends no later may be one of them. */
  readonly forgottenUntil: Instant | undefined;
}

export const noEndedHolds: EndedHolds = { known: [], forgottenUntil: undefined };

/** Ended holds kept by id: bounds the state of a seat that is held and released again and again. */
const maxKnown = 64;

function withEnded(ended: EndedHolds, { holdId, expiresAt }: HoldDeadline): EndedHolds {
  const later = ended.known.filter((hold) => hold.expiresAt > expiresAt);
  const known = [...later, { holdId, expiresAt }, ...ended.known.slice(later.length)];
  const forgotten = known.length > maxKnown ? known.pop() : undefined;
  return { known, forgottenUntil: latest(ended.forgottenUntil, forgotten?.expiresAt) };
}

/** Whether the hold ended. True also for one whose deadline is too early to tell it from a forgotten one. */
function isAmong({ known, forgottenUntil }: EndedHolds, { holdId, expiresAt }: HoldDeadline): boolean {
  if (forgottenUntil !== undefined && expiresAt <= forgottenUntil) return true;
  return known.some((hold) => hold.holdId === holdId);
}

function latest(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}

/** One seat on one date: free, held until a deadline, or reserved by an order. */
export const seatDecider: Decider<SeatState, SeatCommand, SeatEvent> = {
  initialState: { kind: 'free', endedHolds: noEndedHolds },

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
        // Changes nothing about who has the seat.
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
  // A process that was suspended past the deadline must not take a seat.
  if (now >= command.expiresAt) return holdEnded;
  const status = statusOfHold(state, command);
  if (status === 'held') return isFree(state, now) ? holdEnded : accept();
  if (status !== 'untouched') return holdEnded;
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

/** Bars a hold that does not have the seat, if the command asks for it. */
function decideBar(
  { barrier, holdId, ...seat }: CommandOf<'release' | 'expire'>,
  state: SeatState,
): Decision<SeatEvent> {
  if (!barrier || statusOfHold(state, { holdId, ...barrier }) !== 'untouched') return accept();
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
  // An order names only seats that its hold had, so the hold has ended here and needs no barrier.
  return accept();
}

function holdExpired(seat: SeatName, state: Held): SeatEvent {
  return {
    type: 'SeatHoldExpired',
    data: { ...seatOf(seat), ...holderOf(state), expiredAt: state.expiresAt },
  };
}

/** A hold that is released, lapses or becomes a reservation can never take the seat again. */
function afterHold(state: SeatState): EndedHolds {
  return state.kind === 'held' ? withEnded(state.endedHolds, state) : state.endedHolds;
}

function seatOf({ scheduleId, seatId }: SeatName): SeatName {
  return { scheduleId, seatId };
}

function holderOf({ holdId, userId }: Held) {
  return { holdId, userId };
}

/** The refusal of whatever a hold asks for after its end. */
export const holdEnded = reject(
  'hold-ended',
  'This hold has ended: hold the seats again with a new idempotency key.',
);
