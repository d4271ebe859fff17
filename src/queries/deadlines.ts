import type { HoldId, Instant, PerformanceId, ScheduleId, SeatId, TokenId } from '../events/ids.js';
import { storedMoment } from '../projections/engine/entity.js';
import { selectAll } from './database.js';
import { firstMoment, lastMoment } from './paging.js';
import type { QueryContext } from './queries.js';

/** A seat that is held until a deadline. */
export interface HeldSeat {
  readonly scheduleId: ScheduleId;
  readonly seatId: SeatId;
  readonly holdId: HoldId;
  readonly tokenId: TokenId;
  readonly expiresAt: Instant;
}

/** A token that is admitted or inside until a deadline. */
export interface LiveToken {
  readonly tokenId: TokenId;
  /** What ends at the deadline: the time to enter, or the time inside. */
  readonly status: 'admitted' | 'entered';
  /** Of a fan inside who holds nothing, the moment at which the turn is lost for that, if it comes first. */
  readonly expiresAt: Instant;
}

/** Deadlines of holds and tokens: those that have passed, and all to come for restoring timers. */
export function deadlineQueries({ db }: QueryContext) {
  // SQL throughout: unions over two deadlines, pages by several keys, and a join whose order matters. expires_at is null in
  // every row that is not held.
  async function heldUpTo(until: Instant, after: HeldSeat | null, limit: number): Promise<HeldSeat[]> {
    const { scheduleId, seatId } = after ?? { scheduleId: '', seatId: '' };
    const expiresAt = storedMoment(after?.expiresAt ?? firstMoment);
    const rows = await selectAll<HeldRow>(
      db,
      `SELECT ${heldColumns} FROM schedule_seats
       WHERE expires_at <= ? AND expires_at >= ?
         AND (expires_at > ? OR schedule_id > ? OR (schedule_id = ? AND seat_id > ?))
       ORDER BY expires_at, schedule_id, seat_id LIMIT ?`,
      [storedMoment(until), expiresAt, expiresAt, scheduleId, scheduleId, seatId, limit],
    );
    return rows.map(toHeldSeat);
  }

  return {
    /** Held seats whose deadline is at or before `now`, by deadline. @param after the last one seen; null to begin. */
    lapsedHolds: (now: Instant, after: HeldSeat | null, limit: number) => heldUpTo(now, after, limit),

    /** All held seats by deadline. @param after the last one seen; null to begin. */
    liveHolds: (after: HeldSeat | null, limit: number) => heldUpTo(lastMoment, after, limit),

    /** Admitted tokens not entered in time and entered ones out of time, oldest deadline first. */
    async lapsedTokens(now: Instant, limit: number): Promise<LiveToken[]> {
      const rows = await selectAll<LiveRow>(
        db,
        `SELECT * FROM (${admitted} AND claim_until <= ? UNION ALL ${entered} AND expire_date <= ?
           UNION ALL ${entered} AND idle_until <= ? AND expire_date > ?) AS lapsed
         ORDER BY lapsed_at LIMIT ?`,
        [storedMoment(now), storedMoment(now), storedMoment(now), storedMoment(now), limit],
        lapsedAt,
      );
      return rows.map(toLiveToken);
    },

    /** All admitted and entered tokens by id. @param after the last one seen; null to begin. */
    async liveTokens(after: LiveToken | null, limit: number): Promise<LiveToken[]> {
      const afterId = after?.tokenId ?? '';
      const rows = await selectAll<LiveRow>(
        db,
        `SELECT * FROM (${admitted} AND token_id > ? UNION ALL ${entered} AND token_id > ?) AS live
         ORDER BY token_id LIMIT ?`,
        [afterId, afterId, limit],
        lapsedAt,
      );
      return rows.map(toLiveToken);
    },

    /** Tokens that wait for a performance whose sale was over at `endedBy`. */
    async waitingAfterSale(endedBy: Instant, limit: number): Promise<TokenId[]> {
      // Two questions, as a planner may start a join from the many who wait.
      const over = await selectAll<{ performance_id: PerformanceId }>(
        db,
        `SELECT q.performance_id FROM queues q
         WHERE q.waiting > 0
           AND (EXISTS (SELECT 1 FROM performances p
               WHERE p.performance_id = q.performance_id AND p.sales_closes_at <= ?)
             OR (EXISTS (SELECT 1 FROM schedules s WHERE s.performance_id = q.performance_id)
               AND NOT EXISTS (SELECT 1 FROM schedules s WHERE s.performance_id = q.performance_id
                 AND s.status = 'scheduled' AND s.schedule_date_time > ?)))
         ORDER BY q.performance_id LIMIT ?`,
        [storedMoment(endedBy), storedMoment(endedBy), limit],
      );
      const waiting: TokenId[] = [];
      for (const { performance_id: performanceId } of over) {
        if (waiting.length >= limit) break;
        const rows = await selectAll<{ token_id: TokenId }>(
          db,
          `SELECT token_id FROM tokens WHERE performance_id = ? AND status = 'waiting' ORDER BY place LIMIT ?`,
          [performanceId, limit - waiting.length],
        );
        waiting.push(...rows.map((row) => row.token_id));
      }
      return waiting;
    },
  };
}

export type DeadlineQueries = ReturnType<typeof deadlineQueries>;

interface HeldRow {
  readonly schedule_id: ScheduleId;
  readonly seat_id: SeatId;
  readonly hold_id: HoldId;
  readonly token_id: TokenId;
  readonly expires_at: Instant;
}

const heldColumns = 'schedule_id, seat_id, hold_id, token_id, expires_at';

function toHeldSeat(row: HeldRow): HeldSeat {
  return {
    scheduleId: row.schedule_id,
    seatId: row.seat_id,
    holdId: row.hold_id,
    tokenId: row.token_id,
    expiresAt: row.expires_at,
  };
}

interface LiveRow {
  readonly token_id: TokenId;
  readonly status: 'admitted' | 'entered';
  readonly lapsed_at: Instant;
}

const lapsedAt = { lapsed_at: 'expires_at' };
const admitted = `SELECT token_id, status, claim_until AS lapsed_at FROM tokens WHERE status = 'admitted'`;
// The end for being idle is never later than that of the time inside.
const entered = `SELECT token_id, status, COALESCE(idle_until, expire_date) AS lapsed_at FROM tokens WHERE status = 'entered'`;

function toLiveToken(row: LiveRow): LiveToken {
  return { tokenId: row.token_id, status: row.status, expiresAt: row.lapsed_at };
}
