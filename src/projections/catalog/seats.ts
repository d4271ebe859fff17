import { returnMoment } from '../../events/seat-events.js';
import type { Projected, WantRow } from '../engine/projection.js';
import type { UnitOfWork } from '../engine/unit-of-work.js';
import { ScheduleRow, ScheduleSeatRow } from './entities.js';
import { isForSale } from './prices.js';

/** Events that change who has a seat. SeatHoldBarred does not, so no row follows it. */
type SeatEventType =
  | 'SeatHeld'
  | 'SeatReserved'
  | 'SeatHoldReleased'
  | 'SeatHoldExpired'
  | 'SeatReservationCancelled';

/** The rows every seat event reads. */
export function wantSeat({ data, revision }: Projected<SeatEventType>, want: WantRow): void {
  want(ScheduleSeatRow, { schedule_id: data.scheduleId, seat_id: data.seatId }, revision === 0);
  want(ScheduleRow, { schedule_id: data.scheduleId });
}

export function holdSeat(event: Projected<'SeatHeld'>, rows: UnitOfWork): Promise<void> {
  const { data } = event;
  return changeSeat(event, rows, () => ({
    status: 'held',
    reserved: false,
    hold_id: data.holdId,
    user_id: data.userId,
    token_id: data.tokenId,
    order_id: null,
    price: data.price,
    expires_at: data.expiresAt,
    available_from: returnMoment(data.expiresAt, data.returnDelayMs ?? 0) ?? null,
  }));
}

export function reserveSeat(event: Projected<'SeatReserved'>, rows: UnitOfWork): Promise<void> {
  const { data } = event;
  return changeSeat(event, rows, (before) => ({
    status: 'reserved',
    reserved: true,
    hold_id: data.holdId,
    user_id: data.userId,
    token_id: before?.token_id ?? null,
    order_id: data.orderId,
    price: data.price,
    expires_at: null,
    available_from: null,
  }));
}

export function freeSeat(
  event: Projected<'SeatHoldReleased' | 'SeatHoldExpired' | 'SeatReservationCancelled'>,
  rows: UnitOfWork,
): Promise<void> {
  const available_from = event.data.availableFrom ?? null;
  return changeSeat(event, rows, () => ({
    status: 'free',
    reserved: false,
    hold_id: null,
    user_id: null,
    token_id: null,
    order_id: null,
    price: null,
    expires_at: null,
    available_from,
  }));
}

/** The columns of a row that a seat event sets. */
type SeatColumns = Omit<
  ScheduleSeatRow,
  'schedule_id' | 'seat_id' | 'for_sale' | 'revision' | 'created_at' | 'updated_at'
>;

/** Writes a seat's new state and moves its schedule's counts with it. */
async function changeSeat(
  { data, revision, at }: Projected<SeatEventType>,
  rows: UnitOfWork,
  stateAfter: (before: ScheduleSeatRow | undefined) => SeatColumns,
): Promise<void> {
  const before = await rows.get(ScheduleSeatRow, { schedule_id: data.scheduleId, seat_id: data.seatId });
  const schedule = await rows.get(ScheduleRow, { schedule_id: data.scheduleId });
  const state = stateAfter(before);
  const wasTaken = before !== undefined && before.status !== 'free';
  let forSale = false;
  if (state.status !== 'free' && schedule) {
    forSale = wasTaken ? before.for_sale : await isForSale(rows, schedule, data.seatId);
  }
  const after: ScheduleSeatRow = {
    // Spelled out: spreading costs most of this function, the hottest of a rebuild.
    schedule_id: data.scheduleId,
    seat_id: data.seatId,
    status: state.status,
    reserved: state.reserved,
    for_sale: forSale,
    hold_id: state.hold_id,
    user_id: state.user_id,
    token_id: state.token_id,
    order_id: state.order_id,
    price: state.price,
    expires_at: state.expires_at,
    available_from: state.available_from,
    revision,
    created_at: before?.created_at ?? at,
    updated_at: at,
  };
  rows.put(ScheduleSeatRow, after);
  if (!schedule) return;
  const held_seats = schedule.held_seats + countsAs(after, 'held') - countsAs(before, 'held');
  const reserved_seats = schedule.reserved_seats + countsAs(after, 'reserved') - countsAs(before, 'reserved');
  const available_seats = schedule.capacity - held_seats - reserved_seats;
  const taken_seats = (schedule.taken_seats ?? 0) + Number(after.status !== 'free') - Number(wasTaken);
  const counts = { held_seats, reserved_seats, taken_seats, available_seats };
  rows.put(ScheduleRow, { ...schedule, ...counts, updated_at: at });
}

/** 1 when the row counts among its schedule's held or reserved seats. */
export function countsAs(row: ScheduleSeatRow | undefined, status: 'held' | 'reserved'): 0 | 1 {
  return row?.status === status && row.for_sale ? 1 : 0;
}
