import type {
  HoldId,
  OrderId,
  PerformanceId,
  ScheduleId,
  SeatId,
  TokenId,
  UserId,
  VenueId,
} from '../../events/ids.js';
import {
  bigint,
  defineTable,
  double,
  flag,
  instant,
  int,
  json,
  longText,
  nullable,
  type RowOf,
  text,
  uuid,
  varchar,
} from '../engine/table.js';

export const venuesTable = defineTable('venues', {
  columns: {
    venue_id: uuid<VenueId>(),
    venue_name: varchar(300),
    names: json(),
    location: varchar(500),
    /** Seats the organiser states. */
    capacity: int(),
    /** Seats the plan has. */
    seat_count: int(),
    focus_x: nullable(double()),
    focus_y: nullable(double()),
    decorations: json(),
    /** The venue stream's revision this row and its plan stand at. */
    revision: int(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['venue_id'],
});
export type VenueRow = RowOf<typeof venuesTable>;

export const sectionsTable = defineTable('sections', {
  columns: {
    venue_id: uuid<VenueId>(),
    section_id: varchar(64),
    section_name: varchar(100),
    /** Order of first publication. */
    ordinal: int(),
    seat_count: int(),
    /** Seats per category, JSON. */
    category_counts: json(),
    withdrawn: flag(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['venue_id', 'section_id'],
});
export type SectionRow = RowOf<typeof sectionsTable>;

/** Withdrawn seats stay, so that old orders can still name theirs. */
export const seatsTable = defineTable('seats', {
  columns: {
    venue_id: uuid<VenueId>(),
    seat_id: varchar<SeatId>(64),
    section_id: varchar(64),
    /** The row's label and its index in the section. */
    seat_row: varchar(20),
    row_index: int(),
    seat_number: varchar(20),
    /** Index in the row, left to right. */
    seat_column: int(),
    category: varchar(100),
    x: double(),
    y: double(),
    withdrawn: flag(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['venue_id', 'seat_id'],
  indexes: [['venue_id', 'section_id']],
});
export type SeatRow = RowOf<typeof seatsTable>;

export const performancesTable = defineTable('performances', {
  columns: {
    performance_id: uuid<PerformanceId>(),
    venue_id: uuid<VenueId>(),
    performance_name: varchar(300),
    names: json(),
    description: text(),
    /** Local calendar dates. */
    start_date: varchar(10),
    end_date: varchar(10),
    prices: json(),
    price_from: nullable(bigint()),
    price_to: nullable(bigint()),
    sales: json(),
    sales_opens_at: nullable(instant()),
    seed_hash: varchar(64),
    /** Names, description and venue name in lower case. */
    search_text: longText(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['performance_id'],
  indexes: [['venue_id'], ['start_date', 'performance_id']],
});
export type PerformanceRow = RowOf<typeof performancesTable>;

export const schedulesTable = defineTable('schedules', {
  columns: {
    schedule_id: uuid<ScheduleId>(),
    performance_id: uuid<PerformanceId>(),
    venue_id: uuid<VenueId>(),
    schedule_date_time: instant(),
    status: varchar<'scheduled' | 'cancelled'>(9),
    /** Seats for sale: = available_seats + held + reserved. */
    capacity: int(),
    available_seats: int(),
    held: int(),
    reserved: int(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['schedule_id'],
  indexes: [['performance_id', 'schedule_date_time'], ['venue_id']],
});
export type ScheduleRow = RowOf<typeof schedulesTable>;

/** Most sections of a venue, and most dates of a venue or performance, whose numbers are kept right. */
export const maxRelatedRows = 10_000;

/** Seats that were ever held on a date. A seat without a row is free. */
export const scheduleSeatsTable = defineTable('schedule_seats', {
  columns: {
    schedule_id: uuid<ScheduleId>(),
    seat_id: varchar<SeatId>(64),
    status: varchar<'free' | 'held' | 'reserved'>(8),
    reserved: flag(),
    /** Whether this held or reserved seat counts in its schedule: 0 for seats withdrawn from sale meanwhile. */
    for_sale: flag(),
    // Of the live hold or reservation; null when free.
    hold_id: nullable(uuid<HoldId>()),
    user_id: nullable(uuid<UserId>()),
    token_id: nullable(uuid<TokenId>()),
    order_id: nullable(uuid<OrderId>()),
    price: nullable(bigint()),
    /** The hold's deadline; null unless held. */
    expires_at: nullable(instant()),
    /** Of the last event, in the seat's stream. */
    revision: int(),
    created_at: instant(),
    updated_at: instant(),
  },
  key: ['schedule_id', 'seat_id'],
  indexes: [['expires_at'], ['user_id']],
});
export type ScheduleSeatRow = RowOf<typeof scheduleSeatsTable>;
