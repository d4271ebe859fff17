import type { Position } from '../event-store/port.js';
import type { Instant, PerformanceId, ScheduleId, SeatId, TokenId, UserId, VenueId } from '../events/ids.js';

/**
 * What commands need from around them, and the tokens it is injected by. The read-model ports are hints that
 * spare work or fill in what no stream knows; every decision they lead to is checked against a stream.
 */
export const SEAT_AVAILABILITY = Symbol('SeatAvailability');
export const QUEUE_NUMBERS = Symbol('QueueNumbers');
export const WAITING_LINE = Symbol('WaitingLine');
export const VENUE_USE = Symbol('VenueUse');
export const SALE_DATES = Symbol('SaleDates');
export const UNFINISHED_BUSINESS = Symbol('UnfinishedBusiness');
export const PERSONAL_KEYS = Symbol('PersonalKeys');

/** The part of the configuration that commands read. Durations in milliseconds. */
export abstract class CommandSettings {
  abstract readonly accessTokenTtlMs: number;
  abstract readonly refreshTokenTtlMs: number;
  abstract readonly queueTokenTtlMs: number;
  /** How old a copy of the catalog may be when a hold is decided. */
  abstract readonly catalogMaxAgeMs: number;
  /** How long a charge's request waits for the payment system before it answers "pending". */
  abstract readonly chargeReplyTimeoutMs: number;
  /** Where the payment system reports outcomes; undefined: it is only asked. */
  abstract readonly paymentCallbackUrl: string | undefined;
  /** The server's secret; queue seeds derive from it. */
  abstract readonly secret: string;
}

export interface SeatAvailability {
  /** Seats of a schedule that are held (not lapsed at `now`) or reserved. */
  unavailableSeats(scheduleId: ScheduleId, now: Instant): Promise<ReadonlySet<SeatId>>;
}

export interface QueueNumbers {
  /** The number of a token, once everything up to `position` is known; undefined when it has none by then. */
  numberOf(tokenId: TokenId, position: Position): Promise<number | undefined>;
  /** Fans waiting now, and how many with a place beyond the admitted ones have left. */
  queueSize(
    performanceId: PerformanceId,
  ): Promise<{ readonly waiting: number; readonly leftWaiting: number }>;
}

export interface WaitingLine {
  /**
   * Who waits and who is inside, once everything up to `after` is known; undefined when that takes too long.
   * @param options.from first place of interest; at most `limit` waiting places from there are returned.
   */
  look(
    performanceId: PerformanceId,
    options: { readonly after: Position; readonly from: number; readonly limit: number },
  ): Promise<{ readonly waitingPlaces: readonly number[]; readonly active: number } | undefined>;
}

export interface SaleDates {
  /** Whether a performance has dates and every one of them has begun at `now` or was cancelled. */
  isSaleOver(performanceId: PerformanceId, now: Instant): Promise<boolean>;
}

/** Who uses a venue's seats: an import must not take a seat away from its owner. */
export interface VenueUse {
  schedulesOf(venueId: VenueId): Promise<readonly ScheduleId[]>;
  /**
   * Seats of a date that are held (not lapsed at `now`) or reserved, once the read models have reached `after`; undefined
   * when that takes too long.
   */
  takenSeats(
    scheduleId: ScheduleId,
    now: Instant,
    after: Position | undefined,
  ): Promise<ReadonlySet<SeatId> | undefined>;
}

/** What keeps an account from being erased: `tickets` are for dates to come. */
export type Business = 'holds' | 'orders' | 'charges' | 'tickets';

export interface UnfinishedBusiness {
  /** What a user still has going, once everything up to `after` is known; undefined when that takes too long. */
  of(userId: UserId, now: Instant, after: Position | undefined): Promise<readonly Business[] | undefined>;
}

/** Keys of the names in the log. */
export interface PersonalKeys {
  /** The user's names can never be read again. Safe to repeat. */
  destroy(userId: UserId): Promise<void>;
}
