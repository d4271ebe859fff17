import type { SeatId, VenueId } from '../../events/ids.js';
import type { Projected } from '../engine/projection.js';
import type { RowBatch } from '../engine/row-batch.js';
import { recountVenue } from '../seats/recount.js';
import { searchText } from './search-text.js';
import {
  maxRelatedRows,
  performancesTable,
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
  const before = await seatsOf(rows, data.venueId, data.sectionId);
  const beforeById = new Map(before.map((seat) => [seat.seat_id, seat]));
  const published = new Set<SeatId>();
  const changed = new Set<SeatId>();
  const counts = new Map<string, number>();
  for (const [rowIndex, row] of data.rows.entries()) {
    for (const [column, seat] of row.seats.entries()) {
      const earlier = beforeById.get(seat.seatId);
      published.add(seat.seatId);
      if (earlier?.category !== seat.category) changed.add(seat.seatId);
      counts.set(seat.category, (counts.get(seat.category) ?? 0) + 1);
      rows.put(seatsTable, {
        venue_id: data.venueId,
        seat_id: seat.seatId,
        section_id: data.sectionId,
        seat_row: row.label,
        row_index: rowIndex,
        seat_number: seat.number,
        seat_column: column,
        category: seat.category,
        x: seat.x,
        y: seat.y,
        withdrawn: 0,
        created_at: earlier?.created_at ?? at,
        updated_at: at,
      });
    }
  }
  for (const seat of before) {
    if (published.has(seat.seat_id)) continue;
    changed.add(seat.seat_id);
    rows.put(seatsTable, { ...seat, withdrawn: 1, updated_at: at });
  }
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
  await planChanged(event, rows, changed);
}

/** Marks a section and its seats withdrawn. */
export async function withdrawSection(event: Projected<'SectionWithdrawn'>, rows: RowBatch): Promise<void> {
  const { data, at } = event;
  const known = await rows.get(sectionsTable, [data.venueId, data.sectionId]);
  if (!known) return;
  const gone = { seat_count: 0, category_counts: '{}', withdrawn: 1, updated_at: at } as const;
  rows.put(sectionsTable, { ...known, ...gone });
  const changed = new Set<SeatId>();
  for (const seat of await seatsOf(rows, data.venueId, data.sectionId)) {
    changed.add(seat.seat_id);
    rows.put(seatsTable, { ...seat, withdrawn: 1, updated_at: at });
  }
  await planChanged(event, rows, changed);
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
  { data: { venueId }, revision, at }: Projected<'SectionPublished' | 'SectionWithdrawn'>,
  rows: RowBatch,
  changedSeats: ReadonlySet<SeatId>,
): Promise<void> {
  const sections = await sectionsOf(rows, venueId);
  const venue = await rows.get(venuesTable, [venueId]);
  if (venue) {
    rows.put(venuesTable, { ...venue, seat_count: countSeats(sections), revision, updated_at: at });
  }
  await recountVenue(rows, venueId, { sections, changedSeats, at });
}

function countSeats(sections: readonly SectionRow[]): number {
  return sections.reduce((sum, section) => sum + section.seat_count, 0);
}
