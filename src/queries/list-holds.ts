import type { HoldId, Instant, PerformanceId, ScheduleId, SeatId, UserId } from '../events/ids.js';
import type { QueryContext } from './context.js';
import type { HeldSeatReply, HoldReply } from './replies.js';
import { joinSeatNames, type SeatNameColumns, seatNameColumns } from './seat-names.js';
import { selectAll } from './select.js';

interface HeldSeatRow extends SeatNameColumns {
  readonly hold_id: HoldId;
  readonly schedule_id: ScheduleId;
  readonly seat_id: SeatId;
  readonly performance_id: PerformanceId | null;
  readonly price: number;
  readonly expires_at: Instant;
}

/** Far more seats than any limit lets one fan hold. */
const maxSeats = 1_000;

/** A fan's live holds, the one that lapses first at the top. */
export async function listHolds({ db, clock }: QueryContext, userId: UserId): Promise<HoldReply[]> {
  const rows = await selectAll<HeldSeatRow>(
    db,
    `SELECT h.hold_id, h.schedule_id, h.seat_id, sd.performance_id, h.price, h.expires_at, ${seatNameColumns}
     FROM schedule_seats h ${joinSeatNames('h')}
     WHERE h.user_id = ? AND h.status = 'held' AND h.expires_at > ?
     ORDER BY h.expires_at, h.hold_id, h.seat_id LIMIT ${maxSeats}`,
    [userId, clock.now()],
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
      sectionName: row.section_name,
      row: row.seat_row,
      number: row.seat_number,
      category: row.category,
      price: row.price,
    });
    hold.total += row.price;
  }
  return [...holds.values()];
}
