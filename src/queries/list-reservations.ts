import type { Instant, UserId } from '../events/ids.js';
import type { RowOf } from '../projections/engine/table.js';
import type { reservationsTable } from '../projections/orders.js';
import type { QueryContext } from './context.js';
import { pickName } from './names.js';
import { decodeCursor, rowsToRead, timeAndId, toPage } from './paging.js';
import type { Language, Page, PageRequest, ReservationReply } from './replies.js';
import { joinSeatNames, type SeatNameColumns, seatNameColumns } from './seat-names.js';
import { selectAll } from './select.js';

type ReservationRow = RowOf<typeof reservationsTable> &
  SeatNameColumns & {
    readonly starts_at: Instant | null;
    readonly performance_name: string | null;
    readonly performance_names: string | null;
    readonly venue_name: string | null;
    readonly venue_names: string | null;
  };

/**
 * A fan's reservations with all that is printed on a ticket, newest first.
 * @throws {InvalidCursor}
 */
export async function listReservations(
  { db }: QueryContext,
  userId: UserId,
  page: PageRequest,
  language?: Language,
): Promise<Page<ReservationReply>> {
  // '~' sorts after every moment.
  const [date, id] = decodeCursor(page.cursor, timeAndId) ?? ['~', ''];
  const rows = await selectAll<ReservationRow>(
    db,
    `SELECT r.*, ${seatNameColumns}, sd.schedule_date_time AS starts_at,
       p.performance_name, p.names AS performance_names, v.venue_name, v.names AS venue_names
     FROM reservations r ${joinSeatNames('r')}
     LEFT JOIN performances p ON p.performance_id = r.performance_id
     LEFT JOIN venues v ON v.venue_id = sd.venue_id
     WHERE r.user_id = ? AND (r.reservation_date < ? OR (r.reservation_date = ? AND r.reservation_id < ?))
     ORDER BY r.reservation_date DESC, r.reservation_id DESC LIMIT ${rowsToRead(page)}`,
    [userId, date, date, id],
  );
  return toPage(
    rows,
    page,
    (row) => toReservation(row, language),
    (row) => [row.reservation_date, row.reservation_id],
  );
}

function toReservation(row: ReservationRow, language: Language | undefined): ReservationReply {
  return {
    reservationId: row.reservation_id,
    userId: row.user_id,
    orderId: row.order_id,
    seatId: row.seat_id,
    scheduleId: row.schedule_id,
    performanceId: row.performance_id,
    performanceName: pickName(row.performance_name, row.performance_names, language),
    startsAt: row.starts_at,
    venueName: pickName(row.venue_name, row.venue_names, language),
    sectionName: row.section_name,
    row: row.seat_row,
    number: row.seat_number,
    price: row.price,
    reservationDate: row.reservation_date,
    reservationStatus: row.reservation_status,
  };
}
