import type { PlanRow, PlanSeat } from '../../events/catalog-events.js';
import type { SeatId } from '../../events/ids.js';
import type { VenueState } from './catalog.js';

/** A seat with where it stands. */
export interface PlacedSeat extends PlanSeat {
  readonly sectionId: string;
  readonly sectionName: string;
  readonly row: string;
}

/** Built once per revision of a plan: states are immutable, so the state itself is the key. */
const indexes = new WeakMap<VenueState['sections'], ReadonlyMap<SeatId, PlacedSeat>>();

/** The seat of this id in the plan, or undefined. */
export function findSeat(venue: VenueState, seatId: SeatId): PlacedSeat | undefined {
  return seatIndex(venue).get(seatId);
}

/** All seats of the plan by id. */
export function seatIndex(venue: VenueState): ReadonlyMap<SeatId, PlacedSeat> {
  let index = indexes.get(venue.sections);
  if (!index) {
    index = buildIndex(venue);
    indexes.set(venue.sections, index);
  }
  return index;
}

/** All rows of the plan. */
export function planRows(venue: VenueState): PlanRow[] {
  return [...venue.sections.values()].flatMap((section) => section.rows);
}

function buildIndex(venue: VenueState): ReadonlyMap<SeatId, PlacedSeat> {
  const index = new Map<SeatId, PlacedSeat>();
  for (const { sectionId, name, rows } of venue.sections.values()) {
    for (const { label, seats } of rows) {
      for (const seat of seats) index.set(seat.seatId, { ...seat, sectionId, sectionName: name, row: label });
    }
  }
  return index;
}
