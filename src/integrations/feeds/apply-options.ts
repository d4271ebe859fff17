import type { PartialSales, PerformanceDocument } from '../../domain/catalog-document.js';
import type { PriceCategory } from '../../events/catalog-events.js';
import { addMs } from '../../events/ids.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';

const dayMs = 86_400_000;

function idOf(candidate: Candidate): string {
  return typeof candidate.value.id === 'string' ? candidate.value.id.trim() : '';
}

/** Keeps the records `only` names, and the venues of the performances among them. */
export function selectOnly(feed: RawFeed, only: readonly string[], problems: ProblemList): RawFeed {
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
export function attachToVenue(feed: RawFeed, venueId: string, problems: ProblemList): RawFeed {
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

/** Names the feed's only venue; with more than one the name is not used, and that is reported. */
export function renameVenue(feed: RawFeed, name: string, problems: ProblemList): RawFeed {
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

/** Years that a shifted date may fall in: beyond, dates can no longer be written with four digits. */
const [firstYear, lastYear] = [1000, 9000];

/** `performance` moved by whole days, or undefined when it would leave the years 1000–9000. */
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
export function applyOptions(
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
