import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Decoration, PriceCategory, SalesRules, Translations } from '../../events/catalog-events.js';
import type {
  HoldId,
  Instant,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
  VenueId,
} from '../../events/ids.js';
import type { SeatFeatures } from '../../events/seat-features.js';
import { bigint, double, flag, int, json, moment, nullable, text, uuid, varchar } from '../engine/entity.js';

@Entity('venues')
export class VenueRow {
  @PrimaryColumn(uuid) readonly venue_id!: VenueId;
  @Column(varchar(300)) readonly venue_name!: string;
  @Column(json) readonly names!: Translations;
  @Column(varchar(500)) readonly location!: string;
  /** IANA name; null in rows of the release before. */
  @Column(nullable(varchar(64))) readonly time_zone!: string | null;
  /** Seats the organiser states. */
  @Column(int) readonly capacity!: number;
  /** Seats the plan has. */
  @Column(int) readonly seat_count!: number;
  @Column(nullable(double)) readonly focus_x!: number | null;
  @Column(nullable(double)) readonly focus_y!: number | null;
  @Column(json) readonly decorations!: readonly Decoration[];
  /** The venue stream's revision this row and its plan stand at. */
  @Column(int) readonly revision!: number;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

@Entity('sections')
export class SectionRow {
  @PrimaryColumn(uuid) readonly venue_id!: VenueId;
  @PrimaryColumn(varchar(64)) readonly section_id!: string;
  @Column(varchar(100)) readonly section_name!: string;
  /** Order of first publication. */
  @Column(int) readonly ordinal!: number;
  @Column(int) readonly seat_count!: number;
  /** Seats per category. */
  @Column(json) readonly category_counts!: Readonly<Record<string, number>>;
  @Column(flag) readonly withdrawn!: boolean;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Withdrawn seats stay, so that old orders can still name theirs. */
@Entity('seats')
@Index(['venue_id', 'section_id'])
export class SeatRow {
  @PrimaryColumn(uuid) readonly venue_id!: VenueId;
  @PrimaryColumn(varchar(64)) readonly seat_id!: SeatId;
  @Column(varchar(64)) readonly section_id!: string;
  /** The row's label and its index in the section. */
  @Column(varchar(20)) readonly seat_row!: string;
  @Column(int) readonly row_index!: number;
  @Column(varchar(20)) readonly seat_number!: string;
  /** Index in the row, left to right. */
  @Column(int) readonly seat_column!: number;
  @Column(varchar(100)) readonly category!: string;
  @Column(double) readonly x!: number;
  @Column(double) readonly y!: number;
  /** Null for an ordinary seat. */
  @Column(nullable(json)) readonly features!: SeatFeatures | null;
  @Column(flag) readonly withdrawn!: boolean;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

@Entity('performances')
@Index(['venue_id'])
@Index(['start_date', 'performance_id'])
export class PerformanceRow {
  @PrimaryColumn(uuid) readonly performance_id!: PerformanceId;
  @Column(uuid) readonly venue_id!: VenueId;
  @Column(varchar(300)) readonly performance_name!: string;
  @Column(json) readonly names!: Translations;
  @Column(text) readonly description!: string;
  /** Local calendar dates. */
  @Column(varchar(10)) readonly start_date!: string;
  @Column(varchar(10)) readonly end_date!: string;
  /** When the last day is over in the hall's local time; null in rows of the release before. */
  @Column(nullable(moment)) readonly over_at!: Instant | null;
  @Column(json) readonly prices!: readonly PriceCategory[];
  @Column(nullable(bigint)) readonly price_from!: number | null;
  @Column(nullable(bigint)) readonly price_to!: number | null;
  @Column(json) readonly sales!: SalesRules;
  @Column(nullable(moment)) readonly sales_opens_at!: Instant | null;
  /** Null: sold until the last date begins. */
  @Column(nullable(moment)) readonly sales_closes_at!: Instant | null;
  @Column(varchar(64)) readonly seed_hash!: string;
  /** The round of the public beacon that is named for the draw; null when there is none. */
  @Column(nullable(int)) readonly beacon_round!: number | null;
  /** Names, description and venue name in lower case. */
  @Column(text) readonly search_text!: string;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

@Entity('schedules')
@Index(['performance_id', 'schedule_date_time'])
@Index(['venue_id'])
export class ScheduleRow {
  @PrimaryColumn(uuid) readonly schedule_id!: ScheduleId;
  @Column(uuid) readonly performance_id!: PerformanceId;
  @Column(uuid) readonly venue_id!: VenueId;
  @Column(moment) readonly schedule_date_time!: Instant;
  /** IANA name of the zone in which the start is announced, and its day there; null in rows of the release before. */
  @Column(nullable(varchar(64))) readonly time_zone!: string | null;
  @Column(nullable(varchar(10))) readonly local_date!: string | null;
  @Column(varchar(9)) readonly status!: 'scheduled' | 'cancelled';
  /** Of a cancelled date; null for others, and in logs of older builds. */
  @Column(nullable(varchar(500))) readonly cancel_reason!: string | null;
  @Column(nullable(moment)) readonly cancelled_at!: Instant | null;
  /** Since when every hold has ended and every order is refunded. */
  @Column(nullable(moment)) readonly cancellation_settled_at!: Instant | null;
  /** Until then fans may give tickets back, even after the performance's deadline. */
  @Column(nullable(moment)) readonly refund_window_until!: Instant | null;
  /** Seats for sale: = available_seats + held_seats + reserved_seats. */
  @Column(int) readonly capacity!: number;
  @Column(int) readonly available_seats!: number;
  @Column(int) readonly held_seats!: number;
  @Column(int) readonly reserved_seats!: number;
  /** Held and reserved seats, including those withdrawn from sale; null in rows of the release before. */
  @Column(nullable(int)) readonly taken_seats!: number | null;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}

/** Most sections of a venue, and most dates of a venue or performance, whose numbers are kept right. */
export const maxRelatedRows = 10_000;

/** Seats that were ever held on a date. A seat without a row is free. */
@Entity('schedule_seats')
@Index(['expires_at'])
@Index(['user_id'])
export class ScheduleSeatRow {
  @PrimaryColumn(uuid) readonly schedule_id!: ScheduleId;
  @PrimaryColumn(varchar(64)) readonly seat_id!: SeatId;
  @Column(varchar(8)) readonly status!: 'free' | 'held' | 'reserved';
  @Column(flag) readonly reserved!: boolean;
  /** Whether this held or reserved seat counts in its schedule: false for seats withdrawn from sale meanwhile. */
  @Column(flag) readonly for_sale!: boolean;
  // Of the live hold or reservation; null when free.
  @Column(nullable(uuid)) readonly hold_id!: HoldId | null;
  @Column(nullable(uuid)) readonly user_id!: UserId | null;
  @Column(nullable(uuid)) readonly token_id!: TokenId | null;
  @Column(nullable(uuid)) readonly order_id!: OrderId | null;
  @Column(nullable(bigint)) readonly price!: number | null;
  /** The hold's deadline; null unless held. */
  @Column(nullable(moment)) readonly expires_at!: Instant | null;
  /** From when on others may hold it: of a held seat, if the hold lapses. Null: then at the deadline, else at once. */
  @Column(nullable(moment)) readonly available_from!: Instant | null;
  /** Revision, in the seat's stream, of the last event that changed who has the seat: SeatHoldBarred does not. */
  @Column(int) readonly revision!: number;
  @Column(moment) readonly created_at!: Instant;
  @Column(moment) readonly updated_at!: Instant;
}
