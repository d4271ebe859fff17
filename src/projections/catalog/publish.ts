import { maxSeatsPerVenue, rowsOf } from '../../events/catalog-events.js';
import { type Instant, type ScheduleId, type SeatId, toInstant, type VenueId } from '../../events/ids.js';
import { atLocalTime, localTimeOf } from '../../events/local-time.js';
import { featuresOf } from '../../events/seat-features.js';
import type { Projected } from '../engine/projection.js';
import type { UnitOfWork } from '../engine/unit-of-work.js';
import { maxRelatedRows, PerformanceRow, ScheduleRow, SeatRow, SectionRow, VenueRow } from './entities.js';
import { PriceList } from './prices.js';
import { type ReplannedSeat, recountPerformance, recountSchedule, recountVenue } from './recount.js';

/** Text as search compares it: one Unicode form, lower case. */
export function searchable(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

const dayMs = 86_400_000;
/** Of a performance whose last day is no date that has an end: it is never over. */
const lastMoment = toInstant(Date.UTC(9999, 11, 31));

/** As many as the column surely holds, at four bytes each. */
const maxSearchCharacters = 16_383;

/** What a performance is found by: its names, description and venue. */
function searchText(
  performance: Pick<PerformanceRow, 'performance_name' | 'names' | 'description'>,
  venueName: string,
): string {
  const names = Object.values(performance.names);
  const text = searchable(
    [performance.performance_name, ...names, venueName, performance.description].join('\n'),
  );
  // The normal form of a few characters is eighteen times as long.
  return text.length <= maxSearchCharacters ? text : [...text].slice(0, maxSearchCharacters).join('');
}

/** Writes the performance; other prices may put other seats on sale on its dates. */
export async function publishPerformance(
  event: Projected<'PerformancePublished'>,
  rows: UnitOfWork,
): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(PerformanceRow, { performance_id: data.performanceId });
  const venue = await rows.get(VenueRow, { venue_id: data.venueId });
  const prices = data.prices.flatMap(({ price }) => (price === null ? [] : [price]));
  const described = {
    performance_name: data.name,
    names: data.names ?? {},
    description: data.description,
  };
  rows.put(PerformanceRow, {
    ...described,
    performance_id: data.performanceId,
    venue_id: data.venueId,
    start_date: data.startDate,
    end_date: data.endDate,
    over_at: endOfDay(data.endDate, venue?.time_zone),
    prices: data.prices,
    price_from: prices.length === 0 ? null : Math.min(...prices),
    price_to: prices.length === 0 ? null : Math.max(...prices),
    sales: data.sales,
    sales_opens_at: data.sales.opensAt,
    sales_closes_at: data.sales.closesAt,
    seed_hash: data.seedHash,
    beacon_round: data.beacon?.round ?? null,
    search_text: searchText(described, venue?.venue_name ?? ''),
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  const pricesBefore = known ? new PriceList(known.prices) : new PriceList([]);
  await recountPerformance(rows, data.performanceId, pricesBefore, at);
}

/** Writes the date and counts its seats. */
export async function publishSchedule(
  event: Projected<'SchedulePublished'>,
  rows: UnitOfWork,
): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(ScheduleRow, { schedule_id: data.scheduleId });
  const schedule = {
    schedule_id: data.scheduleId,
    performance_id: data.performanceId,
    venue_id: data.venueId,
    schedule_date_time: data.startsAt,
    time_zone: data.timeZone,
    local_date: localTimeOf(data.startsAt, data.timeZone).slice(0, 10),
    // A date stays cancelled; only older builds could put one on sale again, and they gave no reason.
    status: known?.cancel_reason == null ? data.status : 'cancelled',
    cancel_reason: known?.cancel_reason ?? null,
    cancelled_at: data.status === 'cancelled' ? (known?.cancelled_at ?? at) : (known?.cancelled_at ?? null),
    cancellation_settled_at: known?.cancellation_settled_at ?? null,
    refund_window_until: known?.refund_window_until ?? null,
    capacity: 0,
    available_seats: 0,
    held_seats: 0,
    reserved_seats: 0,
    taken_seats: known?.taken_seats ?? 0,
    created_at: known?.created_at ?? at,
    updated_at: at,
  };
  await recountSchedule(rows, schedule, known, await sectionsOf(rows, data.venueId), at);
}

export async function cancelSchedule(
  { data, at }: Projected<'ScheduleCancelled'>,
  rows: UnitOfWork,
): Promise<void> {
  const change = { status: 'cancelled', cancel_reason: data.reason, cancelled_at: at } as const;
  await changeSchedule(rows, data.scheduleId, { ...change, updated_at: at });
}

export async function settleCancellation(
  { data, at }: Projected<'ScheduleCancellationSettled'>,
  rows: UnitOfWork,
): Promise<void> {
  await changeSchedule(rows, data.scheduleId, { cancellation_settled_at: at, updated_at: at });
}

export async function openRefundWindow(
  { data, at }: Projected<'RefundWindowOpened'>,
  rows: UnitOfWork,
): Promise<void> {
  await changeSchedule(rows, data.scheduleId, { refund_window_until: data.until, updated_at: at });
}

async function changeSchedule(
  rows: UnitOfWork,
  scheduleId: ScheduleId,
  change: Partial<ScheduleRow>,
): Promise<void> {
  const known = await rows.get(ScheduleRow, { schedule_id: scheduleId });
  if (known) rows.put(ScheduleRow, { ...known, ...change });
}

/** Writes the hall; its performances are found by its name, and end by its local time. */
export async function publishVenue(event: Projected<'VenuePublished'>, rows: UnitOfWork): Promise<void> {
  const { data, at, revision } = event;
  const known = await rows.get(VenueRow, { venue_id: data.venueId });
  const sections = known ? [] : await sectionsOf(rows, data.venueId);
  rows.put(VenueRow, {
    venue_id: data.venueId,
    venue_name: data.name,
    names: data.names ?? {},
    location: data.location,
    time_zone: data.timeZone,
    capacity: data.capacity,
    seat_count: known?.seat_count ?? countSeats(sections),
    focus_x: data.focus?.x ?? null,
    focus_y: data.focus?.y ?? null,
    decorations: data.decorations ?? [],
    revision,
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  if (known?.venue_name === data.name && known.time_zone === data.timeZone) return;
  const performances = await rows.select(PerformanceRow, {
    equal: { venue_id: data.venueId },
    orderBy: 'performance_id',
    limit: maxRelatedRows,
  });
  for (const performance of performances) {
    rows.put(PerformanceRow, {
      ...performance,
      search_text: searchText(performance, data.name),
      over_at: endOfDay(performance.end_date, data.timeZone),
    });
  }
}

/** The moment at which a calendar day is over in a time zone; in UTC where this build does not know the zone. */
function endOfDay(date: string, timeZone: string | null | undefined): Instant {
  const nextDay = new Date(Date.parse(`${date}T00:00:00.000Z`) + dayMs).toISOString().slice(0, 10);
  const midnight = atLocalTime(nextDay, '00:00', timeZone ?? 'UTC') ?? atLocalTime(nextDay, '00:00', 'UTC');
  return midnight?.instant ?? lastMoment;
}

/** Replaces a section's seats; those no longer in the plan are marked withdrawn. */
export async function publishSection(event: Projected<'SectionPublished'>, rows: UnitOfWork): Promise<void> {
  const { data, at, revision } = event;
  const known = await rows.get(SectionRow, { venue_id: data.venueId, section_id: data.sectionId });
  const inSection = await seatsOf(rows, data.venueId, data.sectionId);
  const before = new Map(inSection.map((seat) => [seat.seat_id, seat]));
  const published = new Set<SeatId>();
  const counts = new Map<string, number>();
  const replanned: ReplannedSeat[] = [];
  for (const [rowIndex, row] of rowsOf(data).entries()) {
    for (const [column, seat] of row.seats.entries()) {
      const { seatId, number, category, x, y } = seat;
      const earlier = before.get(seatId);
      published.add(seatId);
      counts.set(category, (counts.get(category) ?? 0) + 1);
      if (earlier?.category !== category) {
        replanned.push({ seatId, categoryBefore: earlier?.category, categoryAfter: category });
      }
      rows.put(SeatRow, {
        venue_id: data.venueId,
        seat_id: seatId,
        section_id: data.sectionId,
        seat_row: row.label,
        row_index: rowIndex,
        seat_number: number,
        seat_column: column,
        category,
        x,
        y,
        features: featuresOf(seat) ?? null,
        withdrawn: false,
        created_at: earlier?.created_at ?? at,
        updated_at: at,
      });
    }
  }
  const gone = inSection.filter((seat) => !published.has(seat.seat_id));
  replanned.push(...withdraw(gone, rows, at));
  rows.put(SectionRow, {
    venue_id: data.venueId,
    section_id: data.sectionId,
    section_name: data.name,
    ordinal: known?.ordinal ?? revision,
    seat_count: published.size,
    category_counts: Object.fromEntries([...counts].sort()),
    withdrawn: false,
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  await planChanged(rows, event, replanned);
}

/** Marks a section and its seats withdrawn. */
export async function withdrawSection(event: Projected<'SectionWithdrawn'>, rows: UnitOfWork): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(SectionRow, { venue_id: data.venueId, section_id: data.sectionId });
  if (!known) return;
  const gone = { seat_count: 0, category_counts: {}, withdrawn: true, updated_at: at } as const;
  rows.put(SectionRow, { ...known, ...gone });
  await planChanged(rows, event, withdraw(await seatsOf(rows, data.venueId, data.sectionId), rows, at));
}

function withdraw(seats: readonly SeatRow[], rows: UnitOfWork, at: Instant): ReplannedSeat[] {
  for (const seat of seats) rows.put(SeatRow, { ...seat, withdrawn: true, updated_at: at });
  return seats.map(({ seat_id, category }) => ({
    seatId: seat_id,
    categoryBefore: category,
    categoryAfter: null,
  }));
}

/** All sections ever published for a venue. */
function sectionsOf(rows: UnitOfWork, venueId: VenueId): Promise<SectionRow[]> {
  const equal = { venue_id: venueId };
  return rows.select(SectionRow, { equal, orderBy: 'section_id', limit: maxRelatedRows });
}

function seatsOf(rows: UnitOfWork, venueId: VenueId, sectionId: string) {
  const equal = { venue_id: venueId, section_id: sectionId, withdrawn: false } as const;
  return rows.select(SeatRow, { equal, orderBy: 'seat_id', limit: maxSeatsPerVenue });
}

async function planChanged(
  rows: UnitOfWork,
  { data, revision, at }: Projected<'SectionPublished' | 'SectionWithdrawn'>,
  replanned: readonly ReplannedSeat[],
): Promise<void> {
  const sections = await sectionsOf(rows, data.venueId);
  const venue = await rows.get(VenueRow, { venue_id: data.venueId });
  if (venue) {
    rows.put(VenueRow, { ...venue, seat_count: countSeats(sections), revision, updated_at: at });
  }
  await recountVenue(rows, data.venueId, sections, replanned, at);
}

function countSeats(sections: readonly SectionRow[]): number {
  return sections.reduce((sum, section) => sum + section.seat_count, 0);
}
