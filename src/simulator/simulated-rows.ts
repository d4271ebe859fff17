import type { Instant } from '../events/ids.js';
import type { ScheduleRow, ScheduleSeatRow } from '../projections/catalog/entities.js';

import type { TokenRow } from '../projections/queue.js';
import type { HeldSeat, HeldSeatCursor, LiveToken } from '../queries/ports.js';

/** The order of texts, by code unit as the databases have it. */
export function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

type SeatDeadline = Exclude<HeldSeatCursor, null>;

/** The order of held seats, earliest deadline first. */
export function byDeadline(a: SeatDeadline, b: SeatDeadline): number {
  return order(a.expiresAt, b.expiresAt) || order(a.scheduleId, b.scheduleId) || order(a.seatId, b.seatId);
}

/** A held seat as the sweeper asks for it; none when the seat is not held. */
export function toHeldSeat(seat: ScheduleSeatRow): HeldSeat[] {
  const { schedule_id, seat_id, hold_id, token_id, user_id, expires_at } = seat;
  // Only held seats have a deadline, and those have all of these.
  if (expires_at === null || hold_id === null || token_id === null || user_id === null) return [];
  return [
    {
      scheduleId: schedule_id,
      seatId: seat_id,
      holdId: hold_id,
      tokenId: token_id,
      userId: user_id,
      expiresAt: expires_at,
    },
  ];
}

/** A turn that can lapse, as the sweeper asks for it; none when it waits or has ended. */
export function toLiveToken(token: TokenRow): LiveToken[] {
  const { token_id, user_id, performance_id, status } = token;
  if (status !== 'admitted' && status !== 'entered') return [];
  const lapsedAt = status === 'admitted' ? token.claim_until : token.expire_date;
  if (lapsedAt === null) return [];
  return [{ tokenId: token_id, userId: user_id, performanceId: performance_id, status, lapsedAt }];
}

/** Whether a date is still to come. */
export function isToCome({ status, schedule_date_time }: ScheduleRow, now: Instant): boolean {
  return status === 'scheduled' && schedule_date_time > now;
}

/** Whether nobody else can hold the seat now. */
export function isTaken({ status, expires_at }: ScheduleSeatRow, now: Instant): boolean {
  return status === 'reserved' || (status === 'held' && expires_at !== null && expires_at > now);
}
