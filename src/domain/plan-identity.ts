import {
  type PlanRow,
  type PlanSeat,
  type PlanSection,
  rowsOf,
  standingRow,
} from '../events/catalog-events.js';
import type { SeatId } from '../events/ids.js';

/**
 * Which seats of two plans are the same. A seat's place is what a ticket says: the section's name, the row's label and
 * the number; in a standing area, the section's name and the entry number. Blocks of one section may share row labels
 * ("left" and "right") as long as their numbers differ; blocks that number alike are told apart by sections of different
 * names.
 */
export interface Place {
  readonly sectionName: string;
  readonly row: string;
  readonly number: string;
}

const keyOf = ({ sectionName, row, number }: Place) => `${sectionName}\u0000${row}\u0000${number}`;

export const isSamePlace = (one: Place, other: Place) => keyOf(one) === keyOf(other);

/** For people: `Stalls, row A, number 12`, or `Floor · entry no. 17`. */
export const placeText = ({ sectionName, row, number }: Place) =>
  row === standingRow
    ? `${sectionName} · entry no. ${number}`
    : `${sectionName}, row ${row}, number ${number}`;

export const placeOf = (
  section: Pick<PlanSection, 'name'>,
  row: Pick<PlanRow, 'label'>,
  seat: Pick<PlanSeat, 'number'>,
): Place => ({ sectionName: section.name, row: row.label, number: seat.number });

interface Placed extends Place {
  readonly seatId: SeatId;
}

function* placedSeats(sections: Iterable<PlanSection>): Generator<Placed> {
  for (const section of sections) {
    for (const { label, seats } of rowsOf(section)) {
      for (const { seatId, number } of seats) yield { seatId, sectionName: section.name, row: label, number };
    }
  }
}

/** Places that several seats of one plan have, each with its seats. */
export function repeatedPlaces(
  sections: Iterable<PlanSection>,
): { readonly place: Place; readonly seatIds: readonly SeatId[] }[] {
  const found = new Map<string, { place: Place; seatIds: SeatId[] }>();
  for (const seat of placedSeats(sections)) {
    const key = keyOf(seat);
    const entry = found.get(key);
    if (entry) entry.seatIds.push(seat.seatId);
    else found.set(key, { place: seat, seatIds: [seat.seatId] });
  }
  return [...found.values()].filter(({ seatIds }) => seatIds.length > 1);
}

/** A seating plan as it is published, with what it was. */
export interface KnownPlan {
  readonly sections: ReadonlyMap<string, PlanSection>;
  /**
   * Seats that have left a section of the plan, with their places in it: a place that comes back is the same seat. A
   * seat that is in another section now may be among them, and is then ignored.
   */
  readonly formerSeats: ReadonlyMap<SeatId, Place>;
}

/**
 * As many as a plan may have. Beyond it the seats that left the longest time ago are forgotten: their places may come back
 * under other ids. That sells no place twice, since a seat leaves a plan only while it is free.
 */
const maxFormerSeats = 100_000;

/** The former seats of a plan of which one section is replaced or withdrawn. */
export function formerSeatsAfter(
  { sections, formerSeats }: KnownPlan,
  sectionId: string,
  replacement: PlanSection | undefined,
): KnownPlan['formerSeats'] {
  const before = sections.get(sectionId);
  const left = new Map<SeatId, Place>();
  for (const { seatId, ...place } of placedSeats(before ? [before] : [])) left.set(seatId, place);
  const back: SeatId[] = [];
  for (const { seatId } of placedSeats(replacement ? [replacement] : [])) {
    left.delete(seatId);
    if (formerSeats.has(seatId)) back.push(seatId);
  }
  if (left.size === 0 && back.length === 0) return formerSeats;
  const after = new Map(formerSeats);
  for (const seatId of back) after.delete(seatId);
  for (const [seatId, place] of left) {
    after.delete(seatId); // so that it becomes the newest
    after.set(seatId, place);
  }
  for (const seatId of after.keys()) {
    if (after.size <= maxFormerSeats) break;
    after.delete(seatId);
  }
  return after;
}

/** A seat that is or was in the plan, and that the new plan calls by another id. */
export interface MatchedSeat extends Place {
  readonly feedId: SeatId;
  /** The id it keeps. */
  readonly seatId: SeatId;
}

/** A seat that has another place in the new plan. */
export interface RenumberedSeat {
  readonly seatId: SeatId;
  readonly from: Place;
  readonly to: Place;
}

interface MatchedPlan {
  /** The new plan with the ids that are known. */
  readonly sections: PlanSection[];
  readonly matched: readonly MatchedSeat[];
}

/**
 * Matches a new plan with the published one. A seat whose id the published plan does not have is the seat that has, or
 * had, its place, if the new plan does not have that one by its id; it keeps the known id. An id that is in the published
 * plan keeps meaning the same seat, also at another place: renumberedSeats() finds those.
 * @param known the published plan; one of an older build may have a place twice, which then matches nothing
 */
export function matchSeats(known: KnownPlan, wanted: readonly PlanSection[]): MatchedPlan {
  const published = [...known.sections.values()];
  const wantedIds = new Set<SeatId>();
  for (const { seatId } of placedSeats(wanted)) wantedIds.add(seatId);
  const publishedIds = new Set<SeatId>();
  const gone = new Map<string, SeatId[]>();
  for (const seat of placedSeats(published)) {
    publishedIds.add(seat.seatId);
    if (!wantedIds.has(seat.seatId)) addTo(gone, keyOf(seat), seat.seatId);
  }
  const former = new Map<string, SeatId>();
  for (const [seatId, place] of known.formerSeats) {
    // Of several that had the place one after the other it is the last.
    if (!publishedIds.has(seatId) && !wantedIds.has(seatId)) former.set(keyOf(place), seatId);
  }
  const matched: MatchedSeat[] = [];

  const idOf = (feedId: SeatId, place: Place): SeatId => {
    if (publishedIds.has(feedId)) return feedId;
    const [only, ...others] = gone.get(keyOf(place)) ?? [];
    const seatId = others.length > 0 ? undefined : (only ?? former.get(keyOf(place)));
    if (seatId === undefined) return feedId;
    matched.push({ feedId, seatId, ...place });
    return seatId;
  };

  const sections = keepSectionIds(published, wanted).map((section) => ({
    ...section,
    rows: section.rows.map((row) => ({
      ...row,
      seats: row.seats.map((seat) => {
        const place = placeOf(section, row, seat);
        const seatId = idOf(seat.seatId, place);
        return seatId === seat.seatId ? seat : { ...seat, seatId };
      }),
    })),
  }));
  return { sections: renameCompanionsOf(sections, matched), matched };
}

/** Companion places name their wheelchair place by the id that it keeps. */
function renameCompanionsOf(sections: PlanSection[], matched: readonly MatchedSeat[]): PlanSection[] {
  const kept = new Map(matched.map(({ feedId, seatId }) => [feedId, seatId]));
  const isRenamed = ({ companionOf }: PlanSeat) => companionOf !== undefined && kept.has(companionOf);
  return sections.map((section) => {
    if (!section.rows.some((row) => row.seats.some(isRenamed))) return section;
    const rows = section.rows.map((row) => ({
      ...row,
      seats: row.seats.map((seat) =>
        seat.companionOf === undefined
          ? seat
          : { ...seat, companionOf: kept.get(seat.companionOf) ?? seat.companionOf },
      ),
    }));
    return { ...section, rows };
  });
}

function addTo<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** The seats of a new plan that are or were in the known one at another place. */
export function renumberedSeats(known: KnownPlan, wanted: Iterable<PlanSection>): RenumberedSeat[] {
  const before = new Map<SeatId, Place>(known.formerSeats);
  for (const { seatId, ...place } of placedSeats(known.sections.values())) before.set(seatId, place);
  const renumbered: RenumberedSeat[] = [];
  for (const { seatId, ...to } of placedSeats(wanted)) {
    const from = before.get(seatId);
    if (from && keyOf(from) !== keyOf(to)) renumbered.push({ seatId, from, to });
  }
  return renumbered;
}

/** Former seats whose places a new plan gives to other seats than the known one did. */
export function replacedFormerSeats(
  known: KnownPlan,
  wanted: readonly PlanSection[],
): { readonly seatId: SeatId; readonly place: Place; readonly by: SeatId }[] {
  const published = new Map<SeatId, string>();
  for (const seat of placedSeats(known.sections.values())) published.set(seat.seatId, keyOf(seat));
  const newAt = new Map<string, SeatId>();
  const wantedIds = new Set<SeatId>();
  for (const seat of placedSeats(wanted)) {
    wantedIds.add(seat.seatId);
    if (published.get(seat.seatId) !== keyOf(seat)) newAt.set(keyOf(seat), seat.seatId);
  }
  return [...known.formerSeats].flatMap(([seatId, place]) => {
    const by = newAt.get(keyOf(place));
    const isGone = !published.has(seatId) && !wantedIds.has(seatId);
    return by !== undefined && isGone ? [{ seatId, place, by }] : [];
  });
}

/**
 * A section with a new id gets the id of the known section that the new plan lacks, if both are the only ones of their
 * name and kind (rows or standing). So the places of a standing area keep their ids too.
 */
function keepSectionIds(known: readonly PlanSection[], wanted: readonly PlanSection[]): PlanSection[] {
  const knownIds = new Set(known.map(({ sectionId }) => sectionId));
  const wantedIds = new Set(wanted.map(({ sectionId }) => sectionId));
  const isStanding = ({ standing }: PlanSection) => standing !== undefined;
  const onlyLike = (sections: readonly PlanSection[], wanted: PlanSection) => {
    const [only, ...others] = sections.filter(
      (section) => section.name === wanted.name && isStanding(section) === isStanding(wanted),
    );
    return others.length === 0 ? only : undefined;
  };
  const gone = known.filter(({ sectionId }) => !wantedIds.has(sectionId));
  const fresh = wanted.filter(({ sectionId }) => !knownIds.has(sectionId));
  if (gone.length === 0 || fresh.length === 0) return [...wanted];
  return wanted.map((section) => {
    if (knownIds.has(section.sectionId) || !onlyLike(fresh, section)) return section;
    const before = onlyLike(gone, section);
    return before ? { ...section, sectionId: before.sectionId } : section;
  });
}
