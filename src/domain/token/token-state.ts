import type {
  HoldId,
  Instant,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
} from '../../events/ids.js';
import type { TokenEvent } from '../../events/queue-events.js';

/** Holds one token may make over its life: bounds the stream of a fan who holds and releases for sport. */
export const maxHoldsPerToken = 50;

export interface TokenHold {
  readonly scheduleId: ScheduleId;
  /** All seats asked for. */
  readonly seatIds: readonly SeatId[];
  /** Those not given back. */
  readonly outstanding: readonly SeatId[];
  readonly request: Extract<TokenEvent, { type: 'SeatsRequested' }>['data']['request'];
  readonly expiresAt: Instant;
  /** It was given back because somebody else got one of its seats first. */
  readonly lostSeat: boolean;
  /** More than one run of its request may be taking its seats. */
  readonly isRepeated: boolean;
}

/** Whose turn it is, and where. */
export interface Owner {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
}

interface Requested extends Owner {
  readonly entry: number;
  readonly numberOfTickets: number;
  readonly seatLimit: number;
  readonly holds: ReadonlyMap<HoldId, TokenHold>;
}

interface Entered {
  readonly place: number;
  readonly admittedAt: Instant;
  readonly expiresAt: Instant;
}

export type TokenEnd =
  | { readonly kind: 'completed'; readonly orderId: OrderId }
  | {
      readonly kind: 'expired';
      readonly reason: Extract<TokenEvent, { type: 'TokenExpired' }>['data']['reason'];
    }
  | { readonly kind: 'left' };

export type TokenState =
  | { readonly kind: 'none' }
  | ({ readonly kind: 'waiting' } & Requested)
  | ({ readonly kind: 'entered' } & Requested & Entered)
  | ({ readonly kind: 'ended'; readonly end: TokenEnd } & Requested);

/** What the admission log says of the token's place; entering needs it. */
export interface Admission {
  readonly place: number;
  readonly admittedAt: Instant;
  /** Enter before this moment. */
  readonly claimUntil: Instant;
  readonly serviceWindowMs: number;
}

type Data<Type extends TokenEvent['type']> = Extract<TokenEvent, { type: Type }>['data'];

export type TokenCommand =
  | ({ readonly kind: 'request' } & Data<'TokenRequested'>)
  | { readonly kind: 'enter'; readonly admission: Admission | undefined }
  | ({
      readonly kind: 'request-seats';
      /** Given when the token may not have entered yet: the first request enters. */
      readonly admission: Admission | undefined;
      readonly holdTtlMs: number;
      readonly seatIds: readonly SeatId[];
    } & Pick<Data<'SeatsRequested'>, 'holdId' | 'scheduleId' | 'request'>)
  | { readonly kind: 'repeat-request'; readonly holdId: HoldId }
  | ({
      readonly kind: 'return-seats';
      readonly seatIds: readonly SeatId[];
      /** Each seat's stream refuses the hold for good. Otherwise only its one request may say what it did not take. */
      readonly isBarred: boolean;
    } & Pick<Data<'SeatsReturned'>, 'holdId' | 'reason'>)
  | { readonly kind: 'complete'; readonly orderId: OrderId }
  | {
      readonly kind: 'expire';
      readonly reason: Data<'TokenExpired'>['reason'];
      readonly claimUntil?: Instant;
    }
  | { readonly kind: 'leave' };

/** A token that exists. */
export type ExistingToken = Exclude<TokenState, { kind: 'none' }>;

/** Whether nothing of the hold was given back. */
export function isWhole(hold: TokenHold): boolean {
  return hold.outstanding.length === hold.seatIds.length;
}

/** Seats asked for and not given back, over all holds: what counts against the limit. */
export function outstandingSeats(state: ExistingToken): number {
  let count = 0;
  for (const hold of state.holds.values()) count += hold.outstanding.length;
  return count;
}

/** The part of a token that every one of its events names. */
export function ownerOf({ tokenId, userId, performanceId }: Owner): Owner {
  return { tokenId, userId, performanceId };
}
