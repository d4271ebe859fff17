import type { DataSource } from 'typeorm';
import type { HoldId, Instant, ScheduleId, SeatId, TokenId, UserId } from '../events/ids.js';
import type { HeldSeat, HeldSeatCursor } from './ports.js';
import { selectAll } from './select.js';

interface HeldRow {
  readonly schedule_id: ScheduleId;
  readonly seat_id: SeatId;
  readonly hold_id: HoldId;
  readonly token_id: TokenId;
  readonly user_id: UserId;
  readonly expires_at: Instant;
}

const columns = 'schedule_id, seat_id, hold_id, token_id, user_id, expires_at';

// expires_at is null in every row that is not held.

/** See {@link QueryPorts.lapsedHolds}. */
export async function lapsedHolds(db: DataSource, now: Instant, limit: number): Promise<HeldSeat[]> {
  const rows = await selectAll<HeldRow>(
    db,
    `SELECT ${columns} FROM schedule_seats WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
    [now, limit],
  );
  return rows.map(toHeldSeat);
}

/** See {@link QueryPorts.liveHolds}. */
export async function liveHolds(db: DataSource, cursor: HeldSeatCursor, limit: number): Promise<HeldSeat[]> {
  const { expiresAt, scheduleId, seatId } = cursor ?? { expiresAt: '', scheduleId: '', seatId: '' };
  const rows = await selectAll<HeldRow>(
    db,
    `SELECT ${columns} FROM schedule_seats
     WHERE expires_at >= ? AND (expires_at > ? OR schedule_id > ? OR (schedule_id = ? AND seat_id > ?))
     ORDER BY expires_at, schedule_id, seat_id LIMIT ?`,
    [expiresAt, expiresAt, scheduleId, scheduleId, seatId, limit],
  );
  return rows.map(toHeldSeat);
}

function toHeldSeat(row: HeldRow): HeldSeat {
  return {
    scheduleId: row.schedule_id,
    seatId: row.seat_id,
    holdId: row.hold_id,
    tokenId: row.token_id,
    userId: row.user_id,
    expiresAt: row.expires_at,
  };
}
