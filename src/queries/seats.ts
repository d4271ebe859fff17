import type { DataSource } from 'typeorm';
import type { PriceCategory } from '../events/catalog-events.js';
import {
  addMs,
  type HoldId,
  type Instant,
  type OrderId,
  type PerformanceId,
  type ScheduleId,
  type SeatId,
  type TokenId,
  type UserId,
  type VenueId,
} from '../events/ids.js';
import type { SeatFeatures } from '../events/seat-features.js';
import { ScheduleSeatRow } from '../projections/catalog/entities.js';
import { PriceList } from '../projections/catalog/prices.js';
import { storedMoment } from '../projections/engine/entity.js';
import { selectAll, selectFirst } from './database.js';
import type { QueryContext } from './queries.js';
import { type HeldSeatReply, type HoldReply, seatNamesReply } from './replies/booking.js';
import { isTaken, type PricedDate, SeatBoard, type TakenSeat } from './seat-board.js';

/** Seats that came back so long ago are not told any more to clients who were away. */
const rememberedReturnsMs = 600_000;

/** Far more seats than any limit lets one fan hold. */
const maxHeldSeats = 1_000;

export function seatQueries({ db, clock, plans }: QueryContext) {
  return {
    /** Every seat of a date with its price and status, as the tables have them; null when unknown. */
    async seatBoard(scheduleId: ScheduleId): Promise<SeatBoard | null> {
      const schedule = await pricedSchedule(db, scheduleId);
      const plan = schedule && (await plans.of(schedule.venueId));
      if (!plan) return null;
      const { position, ...date } = schedule;
      return new SeatBoard(
        { scheduleId, plan, ...date },
        await selectTakenSeats(db, scheduleId, addMs(clock.now(), -rememberedReturnsMs)),
        position,
      );
    },

    /** Seats of a date that are reserved, held at `now`, or not on sale again yet. */
    async takenSeats(scheduleId: ScheduleId, now: Instant): Promise<ReadonlySet<SeatId>> {
      const nowMs = Date.parse(now);
      const taken = await selectTakenSeats(db, scheduleId, now);
      return new Set([...taken].filter(([, seat]) => isTaken(seat, nowMs)).map(([seatId]) => seatId));
    },

    /** Seats of a date that are held, lapsed or not, or reserved; by id. @param after the last one seen; null to begin. */
    async ownedSeats(scheduleId: ScheduleId, after: SeatId | null, limit: number): Promise<OwnedSeat[]> {
      const rows = await selectAll<ScheduleSeatRow>(
        db,
        `SELECT schedule_id, seat_id, hold_id, token_id, order_id FROM schedule_seats
         WHERE schedule_id = ? AND seat_id > ? AND status <> 'free' ORDER BY seat_id LIMIT ?`,
        [scheduleId, after ?? '', limit],
      );
      return rows.flatMap((row) => toOwnedSeat(row) ?? []);
    },

    /** A fan's live holds, the one that lapses first at the top. */
    async holds(userId: UserId): Promise<HoldReply[]> {
      const rows = await selectAll<HeldSeatRow>(
        db,
        `SELECT h.hold_id, h.schedule_id, h.seat_id, sd.performance_id, h.price, h.expires_at, ${seatNameColumns}
         FROM schedule_seats h ${joinSeatNames('h')}
         WHERE h.user_id = ? AND h.status = 'held' AND h.expires_at > ?
         ORDER BY h.expires_at, h.hold_id, h.seat_id LIMIT ${maxHeldSeats}`,
        [userId, storedMoment(clock.now())],
      );
      const holds = new Map<HoldId, HoldReply & { seats: HeldSeatReply[]; total: number }>();
      for (const row of rows) {
        let hold = holds.get(row.hold_id);
        if (!hold) {
          const { hold_id: holdId, schedule_id: scheduleId, performance_id: performanceId } = row;
          hold = { holdId, scheduleId, performanceId, seats: [], total: 0, expiresAt: row.expires_at };
          holds.set(holdId, hold);
        }
        hold.seats.push({
          seatId: row.seat_id,
          ...seatNamesReply({ sectionName: row.section_name, row: row.seat_row, number: row.seat_number }),
          category: row.category,
          price: row.price,
          ...row.features,
        });
        hold.total += row.price;
      }
      return [...holds.values()];
    },
  };
}

interface HeldSeatRow extends SeatNameColumns {
  readonly hold_id: HoldId;
  readonly schedule_id: ScheduleId;
  readonly seat_id: SeatId;
  readonly performance_id: PerformanceId | null;
  readonly price: number;
  readonly expires_at: Instant;
}

/** What a seat is called; null when it was never in the plan. */
export interface SeatNameColumns {
  readonly section_name: string | null;
  readonly seat_row: string | null;
  readonly seat_number: string | null;
  readonly category: string | null;
  readonly features: SeatFeatures | null;
}

/** A seat that is not free, and what it belongs to. */
export type OwnedSeat = { readonly scheduleId: ScheduleId; readonly seatId: SeatId } & (
  | { readonly kind: 'held'; readonly holdId: HoldId; readonly tokenId: TokenId }
  | { readonly kind: 'reserved'; readonly orderId: OrderId }
);

/** Undefined when the seat is free. */
export function toOwnedSeat(
  row: Pick<ScheduleSeatRow, 'schedule_id' | 'seat_id' | 'hold_id' | 'token_id' | 'order_id'>,
): OwnedSeat | undefined {
  const {
    schedule_id: scheduleId,
    seat_id: seatId,
    hold_id: holdId,
    token_id: tokenId,
    order_id: orderId,
  } = row;
  if (orderId !== null) return { scheduleId, seatId, kind: 'reserved', orderId };
  return holdId === null || tokenId === null
    ? undefined
    : { scheduleId, seatId, kind: 'held', holdId, tokenId };
}

/** Columns of {@link SeatNameColumns}, with {@link joinSeatNames}. */
export const seatNameColumns = 'sc.section_name, st.seat_row, st.seat_number, st.category, st.features';

/** Joins the schedule (`sd`), seat (`st`) and section (`sc`) of a table with schedule_id and seat_id. */
export function joinSeatNames(alias: string): string {
  return `LEFT JOIN schedules sd ON sd.schedule_id = ${alias}.schedule_id
    LEFT JOIN seats st ON st.venue_id = sd.venue_id AND st.seat_id = ${alias}.seat_id
    LEFT JOIN sections sc ON sc.venue_id = st.venue_id AND sc.section_id = st.section_id`;
}

/** One date with what its seats cost, as of a position of the log. */
interface PricedSchedule extends Pick<PricedDate, 'venueId' | 'performanceId' | 'prices'> {
  /** Everything read after this is at least as new. */
  readonly position: number;
}

/** Null when the schedule is unknown. */
async function pricedSchedule(db: DataSource, scheduleId: ScheduleId): Promise<PricedSchedule | null> {
  const row = await selectFirst<{
    venue_id: VenueId;
    performance_id: PerformanceId;
    prices: readonly PriceCategory[] | null;
    position: number | null;
  }>(
    db,
    `SELECT s.venue_id, s.performance_id, p.prices,
       (SELECT c.position FROM projection_checkpoints c WHERE c.name = 'catalog') AS position
     FROM schedules s LEFT JOIN performances p ON p.performance_id = s.performance_id
     WHERE s.schedule_id = ?`,
    [scheduleId],
  );
  if (!row) return null;
  const prices = new PriceList(row.prices ?? []);
  const { venue_id: venueId, performance_id: performanceId } = row;
  return { venueId, performanceId, prices, position: row.position ?? -1 };
}

/** Seats that are held, lapsed or not, or reserved, and those that are not on sale again at `now`. */
async function selectTakenSeats(
  db: DataSource,
  scheduleId: ScheduleId,
  now: Instant,
): Promise<Map<SeatId, TakenSeat>> {
  const rows = await selectAll<TakenSeatRow>(
    db,
    `SELECT seat_id, status, expires_at, available_from FROM schedule_seats
     WHERE schedule_id = ? AND (status <> 'free' OR available_from > ?)`,
    [scheduleId, storedMoment(now)],
  );
  return takenSeatsOf(rows);
}

/** @param rows of seats that are not free, or not on sale again yet. */
export function takenSeatsOf(rows: readonly TakenSeatRow[]): Map<SeatId, TakenSeat> {
  return new Map(rows.map((row) => [row.seat_id, takenSeatOf(row)]));
}

function takenSeatOf({ status, expires_at, available_from }: TakenSeatRow): TakenSeat {
  if (status === 'reserved') return { status };
  const untilMs = Date.parse(available_from ?? expires_at ?? '');
  return status === 'held' ? { status: 'held', untilMs } : { status: 'held', untilMs, isReturning: true };
}

type TakenSeatRow = Pick<ScheduleSeatRow, 'seat_id' | 'status' | 'expires_at' | 'available_from'>;
