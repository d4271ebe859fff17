import { maxSeatsPerSection } from '../../events/catalog-events.js';
import type { CatalogDocument, PerformanceDocument, VenueDocument } from './document.js';

/** Most seats one venue may have. */
export const maxSeatsPerVenue = 100_000;
/** Most bytes of JSON one published event may take: stays below an event store's limit of 1 MiB. */
export const maxEventBytes = 900_000;

/** Something a document says that cannot be published, though each value alone is well-formed. */
export interface CatalogProblem {
  /** Which record, for people: `venue "arena", section "B"`. */
  readonly record: string;
  readonly field?: string;
  readonly reason: string;
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

/** Values that occur more than once, named once for each repetition. */
function repetitions(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => {
    const repeated = seen.has(value);
    seen.add(value);
    return repeated;
  });
}

/** What keeps one venue from being published: repeated seat or section ids, too many seats, events too large. */
export function venueProblems(venue: VenueDocument): CatalogProblem[] {
  const record = `venue "${venue.id}"`;
  const { sections, ...header } = venue;
  const problems: CatalogProblem[] = [];
  const seatIds: string[] = [];
  for (const section of sections) {
    const seats = section.rows.flatMap((row) => row.seats);
    const where = `${record}, section "${section.sectionId}"`;
    if (seats.length > maxSeatsPerSection) {
      problems.push({
        record: where,
        field: 'rows',
        reason: `has ${seats.length} seats; a section may have ${maxSeatsPerSection}`,
      });
    } else if (bytesOf(section) > maxEventBytes) {
      problems.push({ record: where, reason: `is larger than ${maxEventBytes} bytes; split it` });
    }
    for (const seat of seats) seatIds.push(seat.seatId);
  }
  if (seatIds.length > maxSeatsPerVenue) {
    problems.push({
      record,
      field: 'sections',
      reason: `has ${seatIds.length} seats; a venue may have ${maxSeatsPerVenue}`,
    });
  }
  if (bytesOf(header) > maxEventBytes) {
    problems.push({
      record,
      field: 'decorations',
      reason: `takes more than ${maxEventBytes} bytes without its seats`,
    });
  }
  for (const id of repetitions(sections.map((section) => section.sectionId))) {
    problems.push({
      record: `${record}, section "${id}"`,
      field: 'sectionId',
      reason: 'another section has this id',
    });
  }
  for (const id of repetitions(seatIds)) {
    problems.push({ record: `${record}, seat "${id}"`, field: 'seatId', reason: 'another seat has this id' });
  }
  return problems;
}

/**
 * What keeps one performance from being published.
 * @param isVenue whether an organiser's venue id is known, from this document or the catalog
 */
export function performanceProblems(
  performance: PerformanceDocument,
  isVenue: (id: string) => boolean,
): CatalogProblem[] {
  const record = `performance "${performance.id}"`;
  const problems: CatalogProblem[] = [];
  if (performance.venue !== undefined && !isVenue(performance.venue)) {
    problems.push({ record, field: 'venue', reason: `there is no venue "${performance.venue}"` });
  }
  if (performance.endDate < performance.startDate) {
    problems.push({
      record,
      field: 'endDate',
      reason: `${performance.endDate} is before startDate ${performance.startDate}`,
    });
  }
  for (const category of repetitions(performance.prices.map((price) => price.category))) {
    problems.push({ record, field: 'prices', reason: `category "${category}" is priced twice` });
  }
  for (const id of repetitions(performance.schedules.map((schedule) => schedule.id))) {
    const reason = 'another schedule of the performance has this id';
    problems.push({ record: `${record}, schedule "${id}"`, field: 'id', reason });
  }
  return problems;
}

/**
 * Everything that keeps a well-formed document from being published as a whole; empty when nothing does.
 * Ids of venues and of performances are unique in the document, those of schedules in their performance, since
 * UUIDs derive from them.
 * @param isKnownVenue whether the catalog already has the source's venue of that id
 */
export function catalogProblems(
  document: CatalogDocument,
  isKnownVenue: (id: string) => boolean = () => false,
): CatalogProblem[] {
  const { venues, performances } = document;
  const venueIds = new Set(venues.map((venue) => venue.id));
  const isVenue = (id: string) => venueIds.has(id) || isKnownVenue(id);
  return [
    ...venues.flatMap(venueProblems),
    ...performances.flatMap((performance) => performanceProblems(performance, isVenue)),
    ...repeatedIds('venue', venues),
    ...repeatedIds('performance', performances),
  ];
}

function repeatedIds(kind: string, records: readonly { readonly id: string }[]): CatalogProblem[] {
  return repetitions(records.map((record) => record.id)).map((id) => ({
    record: `${kind} "${id}"`,
    field: 'id',
    reason: `another ${kind} has this id`,
  }));
}
