import type { Demand, Fan, Hall, HallSeat, Wish } from '../../../src/analysis/what-if/demand.js';
import { Tally } from '../../../src/analysis/what-if/outcome.js';
import type { PlanRow } from '../../../src/events/catalog-events.js';
import { type PerformanceId, type ScheduleId, type SeatId } from '../../../src/events/ids.js';

export const rules = {
  opensAt: null,
  seatLimitPerUser: 4,
  queueCapacity: 1_000_000,
  maxActive: 50,
  admitPerSecond: 5,
  claimWindowMs: 30_000,
  serviceWindowMs: 600_000,
  holdTtlMs: 60_000,
  closesAt: null,
  cancelBeforeStartMs: 0,
  refundWindowMs: 604_800_000,
};
export const scheduleId = 'first night' as ScheduleId; // branded ids are plain strings at run time
export const seat = (row: number, n: number): SeatId => `${row}-${n}` as SeatId;

/** Rows of seats in categories R (front half) and S, all for sale on one date. */
export function hall(rowCount: number, seatsPerRow: number): Hall {
  const rows: PlanRow[] = Array.from({ length: rowCount }, (_, y) => ({
    label: String(y),
    seats: Array.from({ length: seatsPerRow }, (_, x) => ({
      seatId: seat(y, x),
      number: String(x),
      category: y < rowCount / 2 ? 'R' : 'S',
      x,
      y,
    })),
  }));
  const seats = new Map<SeatId, HallSeat>(
    rows.flatMap((row) => row.seats.map((one) => [one.seatId, { seat: one, row, price: 100 }] as const)),
  );
  const date = { scheduleId, startsAtMs: 10 ** 12, rows, rowsOfSection: () => rows, focus: undefined, seats };
  return new Map([[scheduleId, date]]);
}

/** A wish for two of the best seats, five seconds after entering, paid for after `payAfterMs`. */
export function twoSeats(payAfterMs: number): Wish {
  const option = { scheduleId, kind: 'best-available', quantity: 2, category: undefined } as const;
  return {
    atMs: 5_000,
    options: [option],
    intent: { kind: 'pay', afterMs: payAfterMs, cancelAfterMs: null },
  };
}

/** A fan who joins, enters a second after being let in, and has these wishes. */
export function fan(
  place: number,
  joinedAtMs: number,
  wishes: readonly Wish[],
  change: Partial<Fan> = {},
): Fan {
  return {
    place,
    joinedAtMs,
    seatLimit: 4,
    waited: { ms: 3_600_000, left: false },
    turn: { kind: 'enters', afterMs: 1_000, wishes, leavesAfterMs: null },
    ...change,
  };
}

export function demand(fans: readonly Fan[], seats: Hall, change: Partial<Demand> = {}): Demand {
  return {
    performanceId: 'show' as PerformanceId,
    rules,
    laterRevisions: 0,
    openedAtMs: 0,
    hall: seats,
    fans,
    untilMs: 10 ** 12,
    isCutOff: false,
    recorded: new Tally(0).outcome(fans.length, 0),
    ...change,
  };
}
