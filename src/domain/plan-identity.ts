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

/** A seat of the published plan that the new plan calls by another id. */
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
 * Matches a new plan with the published one. A seat with an unknown id at a place whose known id the new plan does not
 * have is the known seat, and keeps the known id. An id that is known keeps meaning the same seat, also at another place:
 * renumberedSeats() finds those.
 * @param known the published plan; one of an older build may have a place twice, which then matches nothing
 */
export function matchSeats(known: Iterable<PlanSection>, wanted: readonly PlanSection[]): MatchedPlan {
  const published = [...known];
  const knownSeats = new Map<SeatId, Placed>();
  const byPlace = new Map<string, Placed[]>();
  for (const seat of placedSeats(published)) {
    knownSeats.set(seat.seatId, seat);
    const key = keyOf(seat);
    const there = byPlace.get(key);
    if (there) there.push(seat);
    else byPlace.set(key, [seat]);
  }
  const wantedIds = new Set<SeatId>();
  for (const { seatId } of placedSeats(wanted)) wantedIds.add(seatId);
  const matched: MatchedSeat[] = [];

  const idOf = (feedId: SeatId, place: Place): SeatId => {
    if (knownSeats.has(feedId)) return feedId;
    const gone = (byPlace.get(keyOf(place)) ?? []).filter(({ seatId }) => !wantedIds.has(seatId));
    const [only, ...others] = gone;
    if (!only || others.length > 0) return feedId;
    matched.push({ feedId, seatId: only.seatId, ...place });
    return only.seatId;
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

/** The seats of both plans whose place differs. */
export function renumberedSeats(
  known: Iterable<PlanSection>,
  wanted: Iterable<PlanSection>,
): RenumberedSeat[] {
  const before = new Map<SeatId, Placed>();
  for (const seat of placedSeats(known)) before.set(seat.seatId, seat);
  const renumbered: RenumberedSeat[] = [];
  for (const { seatId, ...to } of placedSeats(wanted)) {
    const seat = before.get(seatId);
    if (!seat || keyOf(seat) === keyOf(to)) continue;
    const { seatId: _, ...from } = seat;
    renumbered.push({ seatId, from, to });
  }
  return renumbered;
}

/**
 * Sections with new ids keep the known ones, where a name says unmistakably which; and with them the places of a standing
 * area their ids.
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
