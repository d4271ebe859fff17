/** What the queries of venues, performances, dates and seats answer. */
import type { SalesRules } from '../events/catalog-events.js';
import type { Instant, PerformanceId, ScheduleId, SeatId, VenueId } from '../events/ids.js';
import type { Decoration, Point, Section, Translations } from './catalog-parts.js';

export interface VenueReply {
  readonly venueId: VenueId;
  readonly name: string;
  readonly names: Translations;
  readonly location: string;
  /** Seats the organiser states. */
  readonly capacity: number;
  /** Seats the plan has. */
  readonly seatCount: number;
  readonly sections: readonly Section[];
  readonly focus: Point | null;
  readonly decorations: readonly Decoration[];
}

export interface PerformanceSummary {
  readonly performanceId: PerformanceId;
  readonly name: string;
  readonly names: Translations;
  readonly venue: { readonly venueId: VenueId; readonly name: string; readonly location: string };
  /** Local calendar dates, YYYY-MM-DD. */
  readonly startDate: string;
  readonly endDate: string;
  readonly nextScheduleAt: Instant | null;
  readonly scheduleCount: number;
  readonly priceFrom: number | null;
  readonly priceTo: number | null;
  readonly salesOpensAt: Instant | null;
}

export interface PriceReply {
  readonly category: string;
  readonly label: string;
  /** Null: not for sale. */
  readonly price: number | null;
  readonly color: string | null;
}

export interface PerformanceReply extends PerformanceSummary {
  readonly description: string;
  readonly prices: readonly PriceReply[];
  readonly sales: SalesRules;
  readonly seedHash: string;
  /** The first 100 by date; the rest by paging the schedules. */
  readonly schedules: readonly ScheduleReply[];
}

export interface ScheduleReply {
  readonly scheduleId: ScheduleId;
  readonly performanceId: PerformanceId;
  readonly venueId: VenueId;
  readonly startsAt: Instant;
  readonly status: 'scheduled' | 'cancelled';
  /** Seats for sale. */
  readonly capacity: number;
  readonly availableSeats: number;
}

export interface CategoryAvailability {
  readonly category: string;
  readonly label: string;
  readonly price: number;
  readonly capacity: number;
  readonly available: number;
}

export interface SectionAvailability {
  readonly sectionId: string;
  readonly name: string;
  readonly capacity: number;
  readonly available: number;
}

export interface AvailabilityReply {
  readonly scheduleId: ScheduleId;
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly reserved: number;
  readonly byCategory: readonly CategoryAvailability[];
  readonly bySection: readonly SectionAvailability[];
  /** Log position the numbers are at least as new as. */
  readonly position: number;
}

export type SeatStatus = 'free' | 'held' | 'reserved' | 'not-for-sale';

export interface SeatReply {
  readonly seatId: SeatId;
  readonly number: string;
  readonly category: string;
  /** Null: not for sale. */
  readonly price: number | null;
  readonly x: number;
  readonly y: number;
  readonly status: SeatStatus;
}

export interface SeatMapReply {
  readonly scheduleId: ScheduleId;
  readonly venueId: VenueId;
  /** Log position the statuses are at least as new as: the place to resume live changes from. */
  readonly position: number;
  readonly sections: readonly {
    readonly sectionId: string;
    readonly name: string;
    readonly rows: readonly { readonly label: string; readonly seats: readonly SeatReply[] }[];
  }[];
  readonly focus: Point | null;
  readonly decorations: readonly Decoration[];
}
