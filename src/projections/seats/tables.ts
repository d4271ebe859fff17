import type { HoldId, OrderId, ScheduleId, SeatId, TokenId, UserId } from '../../events/ids.js';
import {
  bigint,
  defineTable,
  flag,
  instant,
  int,
  nullable,
  type RowOf,
  uuid,
  varchar,
} from '../engine/table.js';

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
