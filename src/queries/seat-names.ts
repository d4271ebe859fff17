/** What a seat is called; null when it was never in the plan. */
export interface SeatNameColumns {
  readonly section_name: string | null;
  readonly seat_row: string | null;
  readonly seat_number: string | null;
  readonly category: string | null;
}

/** Columns of {@link SeatNameColumns}, with {@link joinSeatNames}. */
export const seatNameColumns = 'sc.section_name, st.seat_row, st.seat_number, st.category';

/** Joins the schedule (`sd`), seat (`st`) and section (`sc`) of a table with schedule_id and seat_id. */
export function joinSeatNames(alias: string): string {
  return `LEFT JOIN schedules sd ON sd.schedule_id = ${alias}.schedule_id
    LEFT JOIN seats st ON st.venue_id = sd.venue_id AND st.seat_id = ${alias}.seat_id
    LEFT JOIN sections sc ON sc.venue_id = st.venue_id AND sc.section_id = st.section_id`;
}
