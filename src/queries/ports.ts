/**
 * What processes and commands ask of the read models. Every list is bounded by a limit; answers may be a
 * moment behind the log, so whoever acts on one decides again from the streams.
 */

import type { SalesRules } from '../events/catalog-events.js';
import type {
  ChargeId,
  HoldId,
  Instant,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
  VenueId,
} from '../events/ids.js';

export interface HeldSeat {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly holdId: HoldId;
  readonly tokenId: TokenId;
  readonly userId: UserId;
  /** The hold's deadline. */
  readonly expiresAt: Instant;
}

export interface LapsedToken {
  readonly tokenId: TokenId;
  readonly userId: UserId;
  readonly performanceId: PerformanceId;
  /** What lapsed: the time to enter, or the time inside. */
  readonly status: 'admitted' | 'entered';
  readonly lapsedAt: Instant;
}

export interface LiveToken extends LapsedToken {}

export interface OpenOrder {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly status: 'placed' | 'paid' | 'failed' | 'cancelled';
  readonly updatedAt: Instant;
}

export interface OpenCharge {
  readonly chargeId: ChargeId;
  readonly userId: UserId;
  readonly status: 'requested' | 'approved';
  readonly updatedAt: Instant;
}

export interface QueueSnapshot {
  readonly performanceId: PerformanceId;
  readonly opened: boolean;
  readonly opensAt: Instant | null;
  /** Null until opened. */
  readonly shuffle: { readonly seed: string; readonly shuffledCount: number } | null;
  /** Queue numbers given so far: the next fan gets this one. */
  readonly issued: number;
  /** Places below this one were admitted. */
  readonly admittedUpTo: number;
  readonly lastAdmittedAt: Instant | null;
  /** Fans with a number who still wait. */
  readonly waiting: number;
  readonly admitted: number;
  readonly entered: number;
  /** admitted + entered: what `sales.maxActive` bounds. */
  readonly active: number;
  /** Places at or beyond `admittedUpTo` whose fan no longer waits. */
  readonly vacantBeyond: number;
  /** Null while the performance is unknown. */
  readonly sales: Pick<
    SalesRules,
    'queueCapacity' | 'maxActive' | 'admitPerSecond' | 'claimWindowMs' | 'serviceWindowMs'
  > | null;
}

export interface TokenNumber {
  readonly tokenId: TokenId;
  /** Null between asking for and getting a number. */
  readonly number: number | null;
  /** Null until the queue opens. */
  readonly place: number | null;
}

/** `tickets` are for dates to come. */
export type Business = 'holds' | 'orders' | 'charges' | 'tickets';

export interface ScheduleOfVenue {
  readonly scheduleId: ScheduleId;
  readonly performanceId: PerformanceId;
  readonly startsAt: Instant;
  readonly status: 'scheduled' | 'cancelled';
}

/** Where a scan of live holds goes on: the last one seen; null to begin. */
export type HeldSeatCursor = Pick<HeldSeat, 'expiresAt' | 'scheduleId' | 'seatId'> | null;

export interface QueryPorts {
  /** Holds whose deadline is at or before `now`, oldest deadline first. */
  lapsedHolds(now: Instant, limit: number): Promise<HeldSeat[]>;
  /** All holds by deadline, after `cursor`: for restoring timers. */
  liveHolds(cursor: HeldSeatCursor, limit: number): Promise<HeldSeat[]>;
  /** Admitted tokens not entered in time and entered ones out of time, oldest deadline first. */
  lapsedTokens(now: Instant, limit: number): Promise<LapsedToken[]>;
  /** Admitted and entered tokens by deadline (`lapsedAt` is their deadline) with a token id after `after`: for restoring timers. */
  liveTokens(after: TokenId | null, limit: number): Promise<LiveToken[]>;
  /**
   * Orders placed, paid by a fan whose turn did not end with that, or failed or cancelled but not refunded,
   * unchanged since before `olderThan`; oldest first.
   */
  openOrders(olderThan: Instant, limit: number): Promise<OpenOrder[]>;
  /** Charges neither declined nor credited, unchanged since before `olderThan`; oldest first. */
  openCharges(olderThan: Instant, limit: number): Promise<OpenCharge[]>;
  /** Null when the performance is unknown and nobody queued. */
  queueSnapshot(performanceId: PerformanceId): Promise<QueueSnapshot | null>;
  /** Places of waiting fans at or beyond `fromPlace`, ascending. Empty until the queue opens. */
  waitingPlaces(performanceId: PerformanceId, fromPlace: number, limit: number): Promise<number[]>;
  /** What the user still has going at `now`. */
  unfinishedBusiness(userId: UserId, now: Instant): Promise<Business[]>;
  numberOfToken(tokenId: TokenId): Promise<TokenNumber | null>;
  /** Performances with a scheduled date after `now`, in id order, after `after`. */
  performancesOnSale(now: Instant, after: PerformanceId | null, limit: number): Promise<PerformanceId[]>;
  /** Whether a performance has dates and every one of them has begun at `now` or was cancelled. */
  isSaleOver(performanceId: PerformanceId, now: Instant): Promise<boolean>;
  /** Tokens that wait for a performance whose sale was over at `endedBy`. */
  waitingAfterSale(endedBy: Instant, limit: number): Promise<TokenId[]>;
  /** Seats of a schedule that are reserved, or held with a deadline after `now`. */
  unavailableSeats(scheduleId: ScheduleId, now: Instant): Promise<SeatId[]>;
  /** In order of their date, then id; at most 10,000. */
  schedulesOfVenue(venueId: VenueId): Promise<ScheduleOfVenue[]>;
}
