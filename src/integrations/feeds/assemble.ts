import {
  type CatalogDocument,
  maxPerformances,
  maxVenues,
  type PartialSales,
  type PerformanceDocument,
  performanceDocumentSchema,
  performanceProblems,
  type VenueDocument,
  venueDocumentSchema,
  venueProblems,
} from '../../domain/catalog-document.js';
import type { PriceCategory } from '../../events/catalog-events.js';
import { addMs } from '../../events/ids.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { validateRecord } from './validate-record.js';

/** Most prices of a performance, including those of the options. */
const maxPrices = 200;

/** The first `most` candidates; the number of the others is reported. */
function atMost(candidates: readonly Candidate[], most: number, kind: string, problems: ProblemList) {
  if (candidates.length > most) {
    const reason = `${candidates.length - most} ${kind} beyond the first ${most} are left out`;
    problems.add({ record: 'feed', field: kind, reason, effect: 'skipped' });
  }
  return candidates.slice(0, most);
}

function assembleVenues(
  candidates: readonly Candidate[],
  dedupe: boolean,
  problems: ProblemList,
): Map<string, VenueDocument> {
  const venues = new Map<string, VenueDocument>();
  for (const candidate of atMost(candidates, maxVenues, 'venues', problems)) {
    const checked = validateRecord(venueDocumentSchema, candidate, problems);
    if (checked === undefined) continue;
    if (venues.has(checked.id)) {
      problems.add({
        record: candidate.record,
        field: 'id',
        reason: 'an earlier venue has this id',
        effect: 'skipped',
      });
      continue;
    }
    const venue = dedupe ? withoutRepeatedSeats(checked, problems) : checked;
    const faults = venueProblems(venue);
    for (const fault of faults) {
      const hint = fault.field === 'seatId' ? '; with the option dedupe the first is kept' : '';
      problems.add({ ...fault, reason: `${fault.reason}${hint}`, effect: 'refused' });
    }
    if (faults.length === 0) venues.set(venue.id, venue);
  }
  return venues;
}

/** `performance` without the schedules whose id an earlier one of it has. */
function withoutRepeatedSchedules(
  performance: PerformanceDocument,
  problems: ProblemList,
): PerformanceDocument {
  const seen = new Set<string>();
  const schedules = performance.schedules.filter(({ id }) => {
    if (!seen.has(id)) {
      seen.add(id);
      return true;
    }
    problems.add({
      record: `performance "${performance.id}", schedule "${id}"`,
      field: 'id',
      reason: 'an earlier schedule has this id',
      effect: 'skipped',
    });
    return false;
  });
  return { ...performance, schedules };
}

function assemblePerformances(
  candidates: readonly Candidate[],
  options: FeedOptions,
  problems: ProblemList,
): PerformanceDocument[] {
  const performances = new Map<string, PerformanceDocument>();
  for (const candidate of atMost(candidates, maxPerformances, 'performances', problems)) {
    const checked = validateRecord(performanceDocumentSchema, candidate, problems);
    if (checked === undefined) continue;
    const adapted = applyOptions(checked, options, problems);
    if (adapted === undefined) continue;
    const performance = withoutRepeatedSchedules(adapted, problems);
    const faults = performanceProblems(performance);
    if (performances.has(performance.id)) {
      faults.push({ record: candidate.record, field: 'id', reason: 'an earlier performance has this id' });
    }
    if (performance.prices.length > maxPrices) {
      faults.push({ record: candidate.record, field: 'prices', reason: `has more than ${maxPrices} prices` });
    }
    for (const fault of faults) problems.add({ ...fault, effect: 'skipped' });
    if (faults.length > 0) continue;
    performances.set(performance.id, performance);
  }
  return [...performances.values()];
}

/**
 * Builds the catalog document from a parsed feed: applies the options, checks every record, and leaves out and reports
 * records that cannot be published.
 * @returns undefined when nothing is left to import
 */
export function assemble(
  raw: RawFeed,
  options: FeedOptions,
  problems: ProblemList,
): CatalogDocument | undefined {
  const { only, venueId, venueName } = options;
  const source = options.source ?? raw.source;
  let feed = only === undefined ? raw : selectOnly(raw, only, problems);
  if (venueId !== undefined) feed = attachToVenue(feed, venueId, problems);
  if (venueName !== undefined) feed = renameVenue(feed, venueName, problems);

  const venues = assembleVenues(feed.venues, options.dedupe ?? false, problems);
  const performances = assemblePerformances(feed.performances, options, problems);
  if (venues.size === 0 && performances.length === 0) return undefined;
  return { format: 'boxoffice-catalog', version: 1, source, venues: [...venues.values()], performances };
}

const dayMs = 86_400_000;

function idOf(candidate: Candidate): string {
  return typeof candidate.value.id === 'string' ? candidate.value.id.trim() : '';
}

/** Keeps the records `only` names, and the venues of the performances among them. */
function selectOnly(feed: RawFeed, only: readonly string[], problems: ProblemList): RawFeed {
  const wanted = new Set(only);
  const performances = feed.performances.filter((candidate) => wanted.has(idOf(candidate)));
  const venuesNeeded = new Set(performances.map((candidate) => candidate.value.venue));
  const venues = feed.venues.filter(
    (candidate) => wanted.has(idOf(candidate)) || venuesNeeded.has(idOf(candidate)),
  );
  const found = new Set([...performances, ...venues].map(idOf));
  for (const id of wanted) {
    if (!found.has(id)) {
      problems.add({
        record: `"${id}"`,
        reason: 'was asked for, but the feed has no such record',
        effect: 'skipped',
      });
    }
  }
  return { ...feed, venues, performances };
}

/**
 * Moves a feed to a venue already in the catalog: its performances are held there and its own venues are left
 * out; a feed of one plan and no performances is published onto that venue.
 */
function attachToVenue(feed: RawFeed, venueId: string, problems: ProblemList): RawFeed {
  if (feed.performances.length > 0) {
    const performances = feed.performances.map(({ record, value: { venue: _own, ...value } }) => ({
      record,
      value: { ...value, venueId },
    }));
    return { ...feed, venues: [], performances };
  }
  const [venue, ...others] = feed.venues;
  if (venue === undefined || others.length === 0) {
    const venues = venue === undefined ? [] : [{ ...venue, value: { ...venue.value, venueId } }];
    return { ...feed, venues };
  }
  problems.add({
    record: 'option venueId',
    reason: `the feed has ${feed.venues.length} venues; choose the one to publish with the option only`,
    effect: 'refused',
  });
  return { ...feed, venues: [] };
}

/** Names the feed's only venue; with more than one the name is not used, and a problem is reported. */
function renameVenue(feed: RawFeed, name: string, problems: ProblemList): RawFeed {
  const [venue, ...others] = feed.venues;
  if (venue !== undefined && others.length === 0) {
    return { ...feed, venues: [{ ...venue, value: { ...venue.value, name } }] };
  }
  problems.add({
    record: 'option venueName',
    reason: `the feed has ${feed.venues.length} venues, so the name was not used`,
    effect: 'skipped',
  });
  return feed;
}

/** `own` prices with those in `chosen` replaced or added; a replaced one keeps the feed's label and colour. */
function mergePrices(own: readonly PriceCategory[], chosen: readonly PriceCategory[]): PriceCategory[] {
  const merged = new Map(own.map((price) => [price.category, price]));
  for (const price of chosen) merged.set(price.category, { ...merged.get(price.category), ...price });
  return [...merged.values()];
}

const shiftDate = (date: string, days: number) =>
  new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10);

function shiftSales(sales: PartialSales, days: number): PartialSales {
  return typeof sales.opensAt === 'string'
    ? { ...sales, opensAt: addMs(sales.opensAt, days * dayMs) }
    : sales;
}

/** Years of shifted dates: dates are written with four digits. */
const [firstYear, lastYear] = [1000, 9000];

/** The performance moved by whole days; undefined when it would leave the years 1000–9000. */
function shift(performance: PerformanceDocument, days: number): PerformanceDocument | undefined {
  const { startDate, endDate, schedules, sales } = performance;
  const moments = [startDate, endDate, ...schedules.map((schedule) => schedule.startsAt)];
  if (typeof sales?.opensAt === 'string') moments.push(sales.opensAt);
  const years = moments.map((moment) => new Date(Date.parse(moment) + days * dayMs).getUTCFullYear());
  if (years.some((year) => !(year >= firstYear && year <= lastYear))) return undefined;
  return {
    ...performance,
    startDate: shiftDate(startDate, days),
    endDate: shiftDate(endDate, days),
    schedules: schedules.map((schedule) => ({
      ...schedule,
      startsAt: addMs(schedule.startsAt, days * dayMs),
    })),
    ...(sales === undefined ? {} : { sales: shiftSales(sales, days) }),
  };
}

/** A performance with the chosen prices, sales rules and dates; undefined (and reported) when it cannot be shifted. */
function applyOptions(
  performance: PerformanceDocument,
  options: FeedOptions,
  problems: ProblemList,
): PerformanceDocument | undefined {
  const { shiftDays = 0, prices = [], sales } = options;
  const shifted = shiftDays === 0 ? performance : shift(performance, shiftDays);
  if (shifted === undefined) {
    problems.add({
      record: `performance "${performance.id}"`,
      field: 'startDate',
      reason: `cannot be moved by ${shiftDays} days`,
      effect: 'skipped',
    });
    return undefined;
  }
  return {
    ...shifted,
    prices: mergePrices(shifted.prices, prices),
    ...(sales === undefined ? {} : { sales: { ...shifted.sales, ...sales } }),
  };
}

/** `venue` with only the first of several seats that share an id; each of the others is reported. */
function withoutRepeatedSeats(venue: VenueDocument, problems: ProblemList): VenueDocument {
  const seen = new Set<string>();
  const sections = venue.sections.map((section) => ({
    ...section,
    rows: section.rows
      .map((row) => ({
        ...row,
        seats: row.seats.filter((seat) => {
          if (!seen.has(seat.seatId)) {
            seen.add(seat.seatId);
            return true;
          }
          problems.add({
            record: `venue "${venue.id}", section "${section.sectionId}", row "${row.label}", seat "${seat.seatId}"`,
            field: 'seatId',
            reason: 'an earlier seat has this id',
            effect: 'skipped',
          });
          return false;
        }),
      }))
      .filter((row) => row.seats.length > 0),
  }));
  return { ...venue, sections: sections.filter((section) => section.rows.length > 0) };
}
