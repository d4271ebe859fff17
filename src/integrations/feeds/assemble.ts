import {
  type CatalogDocument,
  maxPerformances,
  maxVenues,
  type PerformanceDocument,
  performanceDocumentSchema,
  performanceProblems,
  type VenueDocument,
  venueDocumentSchema,
  venueProblems,
} from '../../domain/catalog-document.js';

import { applyOptions, attachToVenue, renameVenue, selectOnly } from './apply-options.js';
import { withoutRepeatedSeats } from './dedupe-seats.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { validateRecord } from './validate-record.js';

/** Most prices one performance may have once chosen prices are added. */
const maxPrices = 200;

/** The first `most` candidates; the others are reported by their number. */
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
  isVenue: (id: string) => boolean,
  problems: ProblemList,
): PerformanceDocument[] {
  const performances = new Map<string, PerformanceDocument>();
  for (const candidate of atMost(candidates, maxPerformances, 'performances', problems)) {
    const checked = validateRecord(performanceDocumentSchema, candidate, problems);
    if (checked === undefined) continue;
    const adapted = applyOptions(checked, options, problems);
    if (adapted === undefined) continue;
    const performance = withoutRepeatedSchedules(adapted, problems);
    const faults = performanceProblems(performance, isVenue);
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
 * Builds the catalog document from what a format's parser found: applies the options, checks every record and
 * leaves out, with a reason, each that cannot be published.
 * @param isKnownVenue whether the catalog already has `source`'s venue of that id
 * @returns undefined when nothing is left to import
 */
export function assemble(
  raw: RawFeed,
  options: FeedOptions,
  isKnownVenue: (source: string, venue: string) => boolean,
  problems: ProblemList,
): CatalogDocument | undefined {
  const { only, venueId, venueName } = options;
  const source = options.source ?? raw.source;
  let feed = only === undefined ? raw : selectOnly(raw, only, problems);
  if (venueId !== undefined) feed = attachToVenue(feed, venueId, problems);
  if (venueName !== undefined) feed = renameVenue(feed, venueName, problems);

  const venues = assembleVenues(feed.venues, options.dedupe ?? false, problems);
  const isVenue = (id: string) => venues.has(id) || isKnownVenue(source, id);
  const performances = assemblePerformances(feed.performances, options, isVenue, problems);
  if (venues.size === 0 && performances.length === 0) return undefined;
  return { format: 'boxoffice-catalog', version: 1, source, venues: [...venues.values()], performances };
}
