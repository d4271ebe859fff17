import { LRUCache } from 'lru-cache';
import type { DataSource } from 'typeorm';
import { standingRow } from '../events/catalog-events.js';
import type { SeatId, VenueId } from '../events/ids.js';
import { featuresOf, hasFeature, type SeatFeature, type SeatFeatures } from '../events/seat-features.js';
import { type SeatRow, SectionRow, VenueRow } from '../projections/catalog/entities.js';
import { ask, selectAll, selectFirst } from './database.js';
import type {
  Decoration,
  Point,
  SeatMapReply,
  SeatPlanReply,
  SeatReply,
  SeatStatus,
  StandingReply,
} from './replies/catalog.js';

export interface PlannedSeat extends SeatFeatures {
  readonly seatId: SeatId;
  readonly number: string;
  readonly category: string;
  readonly x: number;
  readonly y: number;
}

export interface PlannedSection {
  readonly sectionId: string;
  readonly name: string;
  readonly rows: readonly { readonly label: string; readonly seats: readonly PlannedSeat[] }[];
  /** Seats per category. */
  readonly categoryCounts: ReadonlyMap<string, number>;
}

/** What is the same on every date: a venue's seats and drawing. */
export interface SeatingPlan {
  readonly sections: readonly PlannedSection[];
  readonly sectionOf: ReadonlyMap<SeatId, PlannedSection>;
  readonly categoryOf: ReadonlyMap<SeatId, string>;
  readonly focus: Point | null;
  readonly decorations: readonly Decoration[];
}

/** Plans kept; one of 15,000 seats takes about 5 MB. */
const keptPlans = 24;

/** Seating plans by venue, each kept until its venue is published again. */
export class SeatingPlans {
  private readonly plans = new LRUCache<VenueId, { revision: number; plan: Promise<SeatingPlan> }>({
    max: keptPlans,
  });

  constructor(private readonly db: DataSource) {}

  /** The plan as published now; null when the venue is unknown. */
  async of(venueId: VenueId): Promise<SeatingPlan | null> {
    // Every seat map and every count of free seats asks this.
    const venue = await selectFirst<Pick<VenueRow, 'revision'>>(
      this.db,
      'SELECT revision FROM venues WHERE venue_id = ?',
      [venueId],
    );
    if (!venue) return null;
    const known = this.plans.get(venueId);
    if (known?.revision === venue.revision) return known.plan;
    // Requests that come while the plan loads share it; a failure is not kept.
    const plan = this.load(venueId);
    this.plans.set(venueId, { revision: venue.revision, plan });
    plan.catch(() => this.plans.delete(venueId));
    return plan;
  }

  private async load(venueId: VenueId): Promise<SeatingPlan> {
    const venue = await ask(() => this.db.getRepository(VenueRow).findOneByOrFail({ venue_id: venueId }));
    const sections = await ask(() =>
      this.db.getRepository(SectionRow).find({
        where: { venue_id: venueId, withdrawn: false },
        order: { ordinal: 'ASC', section_id: 'ASC' },
      }),
    );
    // Of 15,000 rows a repository makes objects in 90 to 120 ms, this in 60 ms; the thread does nothing else meanwhile.
    const seats = await selectAll<PlanSeatRow>(
      this.db,
      `SELECT section_id, row_index, seat_row, seat_id, seat_number, category, x, y, features FROM seats
       WHERE venue_id = ? AND withdrawn = 0 ORDER BY section_id, row_index, seat_column`,
      [venueId],
    );
    return seatingPlanOf(venue, sections, seats);
  }
}

/** @param sections in their order. @param seats in the order of rows and columns. */
export function seatingPlanOf(
  venue: VenueRow,
  sections: readonly SectionRow[],
  seats: readonly PlanSeatRow[],
): SeatingPlan {
  const bySection = new Map<string, PlanSeatRow[]>(sections.map((section) => [section.section_id, []]));
  for (const seat of seats) bySection.get(seat.section_id)?.push(seat);
  const planned = sections.map((section) => planSection(section, bySection.get(section.section_id) ?? []));
  const sectionOf = new Map<SeatId, PlannedSection>();
  for (const section of planned) {
    for (const row of section.rows) for (const seat of row.seats) sectionOf.set(seat.seatId, section);
  }
  return {
    sections: planned,
    sectionOf,
    categoryOf: new Map(seats.map((seat) => [seat.seat_id, seat.category])),
    focus: focusOf(venue),
    decorations: decorationsOf(venue),
  };
}

type PlanSeatRow = Pick<
  SeatRow,
  'section_id' | 'row_index' | 'seat_row' | 'seat_id' | 'seat_number' | 'category' | 'x' | 'y' | 'features'
>;

/** Where the audience looks, if the organiser said. */
export function focusOf(venue: VenueRow): Point | null {
  return venue.focus_x === null || venue.focus_y === null ? null : { x: venue.focus_x, y: venue.focus_y };
}

/** Shapes to draw around the seats. */
export function decorationsOf(venue: VenueRow): Decoration[] {
  return [...venue.decorations];
}

/** @param seats of the section, by row and column. */
function planSection(section: SectionRow, seats: readonly PlanSeatRow[]): PlannedSection {
  const rows: { label: string; seats: PlannedSeat[] }[] = [];
  const categoryCounts = new Map<string, number>();
  let rowIndex = -1;
  for (const seat of seats) {
    if (seat.row_index !== rowIndex) rows.push({ label: seat.seat_row, seats: [] });
    rowIndex = seat.row_index;
    const { seat_id: seatId, seat_number: number, category, x, y } = seat;
    rows.at(-1)?.seats.push({ seatId, number, category, x, y, ...seat.features });
    categoryCounts.set(category, (categoryCounts.get(category) ?? 0) + 1);
  }
  return { sectionId: section.section_id, name: section.section_name, rows, categoryCounts };
}

/** What a seat map says beside the plan. */
export interface SeatMapState {
  /** Points; null: not for sale. Asked once for each category. */
  readonly priceOf: (category: string) => number | null;
  /** Undefined: the seat is neither held nor reserved. */
  readonly takenAs: (seatId: SeatId) => 'held' | 'reserved' | undefined;
}

export interface SeatMapFilter {
  /** Id of the only section wanted. */
  readonly section?: string | undefined;
  /** The only status wanted. */
  readonly status?: SeatStatus | undefined;
  /** The feature that a wanted seat has. */
  readonly feature?: SeatFeature | undefined;
}

/**
 * The seats of a plan with their prices and statuses, and standing areas with the numbers of their places. Rows and
 * sections without a wanted seat are left out.
 */
export function seatMapSections(
  sections: readonly Pick<PlannedSection, 'sectionId' | 'name' | 'rows'>[],
  { priceOf, takenAs }: SeatMapState,
  { section: wantedSection, status: wantedStatus, feature: wantedFeature }: SeatMapFilter,
): SeatMapReply['sections'] {
  const prices = new Map<string, number | null>();
  const toReply = (seat: PlannedSeat): SeatReply => {
    const { seatId, number, category, x, y } = seat;
    let price = prices.get(category);
    if (price === undefined) {
      price = priceOf(category);
      prices.set(category, price);
    }
    const status = takenAs(seatId) ?? (price === null ? 'not-for-sale' : 'free');
    return { seatId, number, category, price, x, y, status, ...featuresOf(seat) };
  };
  const isWanted = (seat: SeatReply): boolean =>
    (wantedStatus === undefined || seat.status === wantedStatus) &&
    (wantedFeature === undefined || hasFeature(seat, wantedFeature));
  return sections
    .filter(({ sectionId }) => wantedSection === undefined || sectionId === wantedSection)
    .map(({ sectionId, name, rows }) => {
      const shown = rows
        .map(({ label, seats }) => ({ label, seats: seats.map(toReply) }))
        .filter(({ seats }) => seats.some(isWanted));
      const places = shown.find(({ label }) => label === standingRow)?.seats;
      if (places !== undefined) return { sectionId, name, rows: [], standing: standingReply(places) };
      return {
        sectionId,
        name,
        rows: shown.map(({ label, seats }) => ({ label, seats: seats.filter(isWanted) })),
      };
    })
    .filter(({ rows, standing }) => rows.length > 0 || standing !== undefined);
}

/** The seats of a plan with their prices, in the order of a date's statuses. */
export function planSections(
  sections: readonly Pick<PlannedSection, 'sectionId' | 'name' | 'rows'>[],
  priceOf: (category: string) => number | null,
): SeatPlanReply['sections'] {
  const nothingTaken = { priceOf, takenAs: () => undefined };
  return seatMapSections(sections, nothingTaken, {}).map(({ sectionId, name, rows, standing }) => {
    const planned = rows.map(({ label, seats }) => ({
      label,
      seats: seats.map(({ status: _, ...seat }) => seat),
    }));
    if (standing === undefined) return { sectionId, name, rows: planned };
    const { free: _, held: __, reserved: ___, ...area } = standing;
    return { sectionId, name, rows: planned, standing: area };
  });
}

/** @param places all of the area: they differ in nothing but their numbers and statuses. */
function standingReply(places: readonly SeatReply[]): StandingReply | undefined {
  const [first] = places;
  if (!first) return undefined;
  const counts = { free: 0, held: 0, reserved: 0, 'not-for-sale': 0 };
  for (const { status } of places) counts[status]++;
  const { category, price, x, y } = first;
  const { free, held, reserved } = counts;
  return { category, price, x, y, capacity: places.length, free, held, reserved };
}
