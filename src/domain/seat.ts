import type { HoldId, Instant, OrderId, ScheduleId, SeatId, TokenId, UserId } from '../events/ids.js';
import { returnMoment, type SeatEvent } from '../events/seat-events.js';
import { accept, assertNever, type Decider, type Decision, reject } from './decider.js';

export type SeatState =
  | {
      readonly kind: 'free';
      /** No hold may take it before; undefined: it may at once. */
      readonly availableFrom: Instant | undefined;
      readonly endedHolds: EndedHolds;
    }
  | {
      readonly kind: 'held';
      readonly holdId: HoldId;
      readonly userId: UserId;
      readonly tokenId: TokenId;
      readonly price: number;
      readonly expiresAt: Instant;
      /** How long after its end it is on sale again; 0: at once. */
      readonly returnDelayMs: number;
      readonly endedHolds: EndedHolds;
    }
  | {
      readonly kind: 'reserved';
      readonly orderId: OrderId;
      readonly holdId: HoldId;
      readonly userId: UserId;
      /** As the hold's. */
      readonly returnDelayMs: number;
      readonly endedHolds: EndedHolds;
    };

interface SeatName {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
}

/**
 * If given, a command that ends a hold also makes the seat refuse that hold, in case it never had the seat: after that, a late
 * run of its request cannot take the seat (docs/late-requests.md).
 */
interface Barrier {
  readonly userId: UserId;
  /** The deadline of the hold's request. */
  readonly expiresAt: Instant;
}

/** What the log says about a hold that ended too long ago to be among the seat's {@link EndedHolds}. */
interface Evidence {
  /** The hold is not among the first `notAmongFirst` holds that ended on the seat, as {@link EndedHolds} counts. Default 0. */
  readonly notAmongFirst?: number | undefined;
}

/**
 * Why a hold ends before its deadline, other than by a payment: its own request lost a seat, the fan gave it up or the
 * turn ended, the date was cancelled, or the date moved to another hall.
 */
export type HoldEnd = Exclude<ReleaseReason, 'order-failed'>;

type ReleaseReason = Extract<SeatEvent, { type: 'SeatHoldReleased' }>['data']['reason'];

export type SeatCommand = SeatName &
  (
    | ({
        readonly kind: 'hold';
        readonly holdId: HoldId;
        readonly userId: UserId;
        readonly tokenId: TokenId;
        readonly price: number;
        readonly expiresAt: Instant;
        /** Drawn by the caller. Undefined: after its end the seat is on sale again at once. */
        readonly returnDelayMs?: number | undefined;
      } & Evidence)
    | ({
        readonly kind: 'release';
        readonly holdId: HoldId;
        readonly reason: HoldEnd;
        readonly barrier?: Barrier;
      } & Evidence)
    | ({ readonly kind: 'expire'; readonly holdId: HoldId; readonly barrier?: Barrier } & Evidence)
    | { readonly kind: 'reserve'; readonly holdId: HoldId; readonly orderId: OrderId }
    /** Ends the order's reservation of the seat, or the hold that the order was going to reserve. */
    | {
        readonly kind: 'give-back';
        readonly holdId: HoldId;
        readonly orderId: OrderId;
        readonly reason: 'order-failed' | 'order-cancelled';
      }
  );

/**
 * The order in which every command takes several seats. It is the same for all commands, so of two commands that want
 * overlapping seats, one always gets all of its seats.
 */
export function inSeatOrder<Item extends { readonly seatId: SeatId }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => (a.seatId < b.seatId ? -1 : 1));
}

/** Whether the seat is held past its deadline: nobody owns it, even if the expiry was not written yet. */
export function hasLapsed(state: SeatState, now: Instant): boolean {
  return state.kind === 'held' && now >= state.expiresAt;
}

/**
 * Whether another hold may take the seat at `now`: it has no owner, and the time after which it comes back is over, even if
 * the expiry of its last hold was not written yet.
 */
export function isFree(state: SeatState, now: Instant): boolean {
  switch (state.kind) {
    case 'free':
      return state.availableFrom === undefined || now >= state.availableFrom;
    case 'held':
      return now >= (returnMoment(state.expiresAt, state.returnDelayMs) ?? state.expiresAt);
    case 'reserved':
      return false;
    default:
      return assertNever(state);
  }
}

/** Whether the hold has turned the seat into a reservation: from then on only the order can give it back. */
export function isReservedBy(state: SeatState, holdId: HoldId): boolean {
  return state.kind === 'reserved' && state.holdId === holdId;
}

/**
 * What a hold has of a seat:
 * - `untouched`: it never had the seat; a late run of its request could still take it.
 * - `held`: it has the seat, lapsed or not.
 * - `reserved`: it became a reservation.
 * - `ended`: it had the seat or was barred from it, and can never take it (again).
 * - `forgotten`: `untouched` or `ended`, but so many holds ended on the seat that only its stream can say which.
 */
export type HoldStatus = 'untouched' | 'held' | 'reserved' | 'ended' | 'forgotten';

/** @param evidence what the seat's stream said, if it was read before. */
export function statusOfHold(state: SeatState, hold: HoldDeadline, evidence: Evidence = {}): HoldStatus {
  if (state.kind !== 'free' && state.holdId === hold.holdId) return state.kind;
  const { known, count, forgottenUntil } = state.endedHolds;
  if (known.some(({ holdId }) => holdId === hold.holdId)) return 'ended';
  if (forgottenUntil === undefined || hold.expiresAt > forgottenUntil) return 'untouched';
  const { notAmongFirst = 0 } = evidence;
  return notAmongFirst >= count - known.length ? 'untouched' : 'forgotten';
}

/** Whether the event means that the hold can never take the seat (again). */
export function endsHold(event: SeatEvent, holdId: HoldId): boolean {
  return (
    event.type !== 'SeatHeld' && event.type !== 'SeatReservationCancelled' && event.data.holdId === holdId
  );
}

/** A hold and the deadline it was requested with: until then a run of its request may try to take a seat. */
export interface HoldDeadline {
  readonly holdId: HoldId;
  readonly expiresAt: Instant;
}

/**
 * The holds that a seat refuses for good: those that ended on it, and those barred from it. It refuses
 * every retry, however late it comes and whatever time the clock shows. The ids of the last ones are kept here; those of
 * the others are only in the stream.
 */
interface EndedHolds {
  /** How many holds have ended or were barred. */
  readonly count: number;
  /** The holds that ended last, newest first. */
  readonly known: readonly HoldDeadline[];
  /** The latest deadline among the others: a hold with a later deadline is not one of them. */
  readonly forgottenUntil: Instant | undefined;
}

export const noEndedHolds: EndedHolds = { count: 0, known: [], forgottenUntil: undefined };

/** Ended holds kept by id: bounds the state of a seat that is held and released again and again. */
const maxKnown = 64;

function withEnded(ended: EndedHolds, { holdId, expiresAt }: HoldDeadline): EndedHolds {
  const known = [{ holdId, expiresAt }, ...ended.known];
  const forgotten = known.length > maxKnown ? known.pop() : undefined;
  const forgottenUntil = latest(ended.forgottenUntil, forgotten?.expiresAt);
  return { count: ended.count + 1, known, forgottenUntil };
}

function latest(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}

/** One seat on one date: free, held until a deadline, or reserved by an order. */
export const seatDecider: Decider<SeatState, SeatCommand, SeatEvent> = {
  initialState: { kind: 'free', availableFrom: undefined, endedHolds: noEndedHolds },

  decide(command, state, now) {
    switch (command.kind) {
      case 'hold':
        return decideHold(command, state, now);
      case 'release': {
        if (state.kind !== 'held' || state.holdId !== command.holdId) return decideBar(command, state);
        return accept(holdReleased(command, state, command.reason, now));
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
        return decideGiveBack(command, state, now);
      default:
        return assertNever(command);
    }
  },

  evolve(state, event) {
    const { endedHolds } = state;
    switch (event.type) {
      case 'SeatHeld': {
        const { holdId, userId, tokenId, price, expiresAt, returnDelayMs = 0 } = event.data;
        return { kind: 'held', holdId, userId, tokenId, price, expiresAt, returnDelayMs, endedHolds };
      }
      case 'SeatHoldReleased':
      case 'SeatHoldExpired':
        return {
          kind: 'free',
          availableFrom: event.data.availableFrom,
          endedHolds: afterHold(state),
        };
      case 'SeatHoldBarred':
        // The owner of the seat stays the same.
        return { ...state, endedHolds: withEnded(endedHolds, event.data) };
      case 'SeatReserved': {
        const { orderId, holdId, userId } = event.data;
        const returnDelayMs = state.kind === 'held' ? state.returnDelayMs : 0;
        return { kind: 'reserved', orderId, holdId, userId, returnDelayMs, endedHolds: afterHold(state) };
      }
      case 'SeatReservationCancelled':
        if (state.kind !== 'reserved') return state;
        return { kind: 'free', availableFrom: event.data.availableFrom, endedHolds };
      default:
        return assertNever(event);
    }
  },
};

type CommandOf<Kind extends SeatCommand['kind']> = Extract<SeatCommand, { kind: Kind }>;
type Held = Extract<SeatState, { kind: 'held' }>;

function decideHold(command: CommandOf<'hold'>, state: SeatState, now: Instant): Decision<SeatEvent> {
  const { kind: _, notAmongFirst, ...data } = command;
  // A process that was suspended past the deadline must not take a seat.
  if (now >= command.expiresAt) return holdEnded;
  const status = statusOfHold(state, command, { notAmongFirst });
  if (status === 'held') return hasLapsed(state, now) ? holdEnded : accept();
  if (status === 'forgotten') return holdForgotten;
  if (status !== 'untouched') return holdEnded;
  const held: SeatEvent = { type: 'SeatHeld', data };
  if (!isFree(state, now)) return seatTaken(state, command, now);
  return state.kind === 'held' ? accept(holdExpired(command, state), held) : accept(held);
}

/**
 * The refusal of a hold because the seat has an owner, or comes back later. If the fan holds it, the refusal names the fan's
 * hold.
 * @param owner not free for others at `now`.
 */
export function seatTaken(
  owner: SeatState,
  { seatId, userId }: { readonly seatId: SeatId; readonly userId: UserId },
  now: Instant,
) {
  if (owner.kind === 'free' || hasLapsed(owner, now)) {
    const message = `Seat ${seatId} was given back and comes on sale again in a moment: choose another one.`;
    return reject('seat-held', message, { seatId });
  }
  switch (owner.kind) {
    case 'reserved': {
      const isOwn = owner.userId === userId;
      const message = `${isOwn ? `You have bought seat ${seatId} already` : `Seat ${seatId} is sold`}: choose another one.`;
      return reject('seat-reserved', message, { seatId });
    }
    case 'held': {
      const { holdId } = owner;
      if (owner.userId === userId) {
        const message = `You hold seat ${seatId} already: pay for hold ${holdId}, or release it first.`;
        return reject('already-held', message, { seatId, holdId });
      }
      return reject('seat-held', `Somebody else holds seat ${seatId}: choose another one.`, { seatId });
    }
    default:
      return assertNever(owner);
  }
}

/** Bars a hold that does not have the seat, if the command asks for it. */
function decideBar(
  { barrier, holdId, notAmongFirst, ...seat }: CommandOf<'release' | 'expire'>,
  state: SeatState,
): Decision<SeatEvent> {
  if (!barrier) return accept();
  const status = statusOfHold(state, { holdId, ...barrier }, { notAmongFirst });
  if (status === 'forgotten') return holdForgotten;
  if (status !== 'untouched') return accept();
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
  if (state.kind === 'free' || hasLapsed(state, now)) {
    return reject('hold-lapsed', `The hold of seat ${seatId} has lapsed: hold it again.`, { seatId });
  }
  return reject('seat-taken', `The hold of seat ${seatId} lapsed and somebody else took the seat.`, {
    seatId,
  });
}

function decideGiveBack(
  command: CommandOf<'give-back'>,
  state: SeatState,
  now: Instant,
): Decision<SeatEvent> {
  const { holdId, orderId, reason } = command;
  if (state.kind === 'reserved' && state.orderId === orderId) {
    const { userId } = state;
    return accept({
      type: 'SeatReservationCancelled',
      data: { ...seatOf(command), userId, orderId, reason, ...returning(now, state) },
    });
  }
  if (state.kind === 'held' && state.holdId === holdId) {
    return accept(holdReleased(command, state, 'order-failed', now));
  }
  // An order names only seats that its hold had, so the hold has ended here and needs no barrier.
  return accept();
}

function holdExpired(seat: SeatName, state: Held): SeatEvent {
  return {
    type: 'SeatHoldExpired',
    data: {
      ...seatOf(seat),
      ...holderOf(state),
      expiredAt: state.expiresAt,
      ...returning(state.expiresAt, state),
    },
  };
}

/**
 * A hold that lost one of its seats to another one had the others for a moment: they are free again at once, as they were
 * before it.
 */
function holdReleased(seat: SeatName, state: Held, reason: ReleaseReason, now: Instant): SeatEvent {
  const comesBack = reason === 'released' || reason === 'order-failed' ? returning(now, state) : {};
  return { type: 'SeatHoldReleased', data: { ...seatOf(seat), ...holderOf(state), reason, ...comesBack } };
}

/** From when on others may hold the seat, after its end. */
function returning(
  end: Instant,
  { returnDelayMs }: { readonly returnDelayMs: number },
): { readonly availableFrom?: Instant } {
  const availableFrom = returnMoment(end, returnDelayMs);
  return availableFrom === undefined ? {} : { availableFrom };
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

/** The refusal of a command that needs {@link Evidence}: commands/seats reads the log and repeats the command with it. */
const holdForgotten = reject('busy', 'This seat changes hands too fast: try again shortly.');

/** The refusal of every command of a hold after its end. */
export const holdEnded = reject(
  'hold-ended',
  'This hold has ended: hold the seats again with a new idempotency key.',
);
