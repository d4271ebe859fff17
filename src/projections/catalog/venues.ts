import type { Instant, SeatId, VenueId } from '../../events/ids.js';
import type { Projected } from '../engine/projection.js';
import type { RowBatch } from '../engine/row-batch.js';
import { type ReplannedSeat, recountVenue } from '../seats/recount.js';
import { searchText } from './search-text.js';
import {
  maxRelatedRows,
  performancesTable,
  type SeatRow,
  type SectionRow,
  seatsTable,
  sectionsTable,
  venuesTable,
} from './tables.js';

/** Writes the hall; a new name also becomes searchable on its performances. */
export async function publishVenue(event: Projected<'VenuePublished'>, rows: RowBatch): Promise<void> {
  const { data, at, revision } = event;
  const known = await rows.get(venuesTable, [data.venueId]);
  const sections = known ? [] : await sectionsOf(rows, data.venueId);
  rows.put(venuesTable, {
    venue_id: data.venueId,
    venue_name: data.name,
    names: JSON.stringify(data.names ?? {}),
    location: data.location,
    capacity: data.capacity,
    seat_count: known?.seat_count ?? countSeats(sections),
    focus_x: data.focus?.x ?? null,
    focus_y: data.focus?.y ?? null,
    decorations: JSON.stringify(data.decorations ?? []),
    revision,
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  if (known?.venue_name === data.name) return;
  const performances = await rows.select(performancesTable, {
    equal: { venue_id: data.venueId },
    orderBy: 'performance_id',
    limit: maxRelatedRows,
  });
  for (const performance of performances) {
    rows.put(performancesTable, { ...performance, search_text: searchText(performance, data.name) });
  }
}

/** Replaces a section's seats; those no longer in the plan are marked withdrawn. */
export async function publishSection(event: Projected<'SectionPublished'>, rows: RowBatch): Promise<void> {
  const { data, at, revision } = event;
  const known = await rows.get(sectionsTable, [data.venueId, data.sectionId]);
  const inSection = await seatsOf(rows, data.venueId, data.sectionId);
  const before = new Map(inSection.map((seat) => [seat.seat_id, seat]));
  const published = new Set<SeatId>();
  const counts = new Map<string, number>();
  const replanned: ReplannedSeat[] = [];
  for (const [rowIndex, row] of data.rows.entries()) {
    for (const [column, { seatId, number, category, x, y }] of row.seats.entries()) {
      const earlier = before.get(seatId);
      published.add(seatId);
      counts.set(category, (counts.get(category) ?? 0) + 1);
      if (earlier?.category !== category) {
        replanned.push({ seatId, categoryBefore: earlier?.category, categoryAfter: category });
      }
      rows.put(seatsTable, {
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
        withdrawn: 0,
        created_at: earlier?.created_at ?? at,
        updated_at: at,
      });
    }
  }
  const gone = inSection.filter((seat) => !published.has(seat.seat_id));
  replanned.push(...withdraw(gone, rows, at));
  rows.put(sectionsTable, {
    venue_id: data.venueId,
    section_id: data.sectionId,
    section_name: data.name,
    ordinal: known?.ordinal ?? revision,
    seat_count: published.size,
    category_counts: JSON.stringify(Object.fromEntries([...counts].sort())),
    withdrawn: 0,
    created_at: known?.created_at ?? at,
    updated_at: at,
  });
  await planChanged(rows, event, replanned);
}

/** Marks a section and its seats withdrawn. */
export async function withdrawSection(event: Projected<'SectionWithdrawn'>, rows: RowBatch): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(sectionsTable, [data.venueId, data.sectionId]);
  if (!known) return;
  const gone = { seat_count: 0, category_counts: '{}', withdrawn: 1, updated_at: at } as const;
  rows.put(sectionsTable, { ...known, ...gone });
  await planChanged(rows, event, withdraw(await seatsOf(rows, data.venueId, data.sectionId), rows, at));
}

function withdraw(seats: readonly SeatRow[], rows: RowBatch, at: Instant): ReplannedSeat[] {
  for (const seat of seats) rows.put(seatsTable, { ...seat, withdrawn: 1, updated_at: at });
  return seats.map(({ seat_id, category }) => ({
    seatId: seat_id,
    categoryBefore: category,
    categoryAfter: null,
  }));
}

/** All sections ever published for a venue. */
export function sectionsOf(rows: RowBatch, venueId: VenueId): Promise<SectionRow[]> {
  const equal = { venue_id: venueId };
  return rows.select(sectionsTable, { equal, orderBy: 'section_id', limit: maxRelatedRows });
}

function seatsOf(rows: RowBatch, venueId: VenueId, sectionId: string) {
  const equal = { venue_id: venueId, section_id: sectionId, withdrawn: 0 } as const;
  return rows.select(seatsTable, { equal, orderBy: 'seat_id', limit: maxRelatedRows });
}

async function planChanged(
  rows: RowBatch,
  { data, revision, at }: Projected<'SectionPublished' | 'SectionWithdrawn'>,
  replanned: readonly ReplannedSeat[],
): Promise<void> {
  const sections = await sectionsOf(rows, data.venueId);
  const venue = await rows.get(venuesTable, [data.venueId]);
  if (venue) {
    rows.put(venuesTable, { ...venue, seat_count: countSeats(sections), revision, updated_at: at });
  }
  await recountVenue(rows, data.venueId, sections, replanned, at);
}

function countSeats(sections: readonly SectionRow[]): number {
  return sections.reduce((sum, section) => sum + section.seat_count, 0);
}
