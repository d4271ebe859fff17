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
import { placeOf, placeText } from '../../domain/plan-identity.js';
import type { PlanSeat, PriceCategory } from '../../events/catalog-events.js';
import { addMs, type Instant, type SeatId, seatIdSchema } from '../../events/ids.js';
import { atLocalTime, localTimeOf } from '../../events/local-time.js';
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

/** Why a record that stands in the feed again is reported: the record itself is imported, as it stood first. */
const repeatedRecord = 'stands in the feed again: the first is taken';

function assembleVenues(
  candidates: readonly Candidate[],
  { dedupe = false, timeZone }: FeedOptions,
  feedProblems: ProblemList,
): Map<string, VenueDocument> {
  const venues = new Map<string, VenueDocument>();
  for (const candidate of atMost(candidates, maxVenues, 'venues', feedProblems)) {
    const problems = feedProblems.about(idOf(candidate));
    const checked = validateRecord(venueDocumentSchema, candidate, problems);
    if (checked === undefined) continue;
    if (venues.has(checked.id)) {
      const { record } = candidate;
      problems.add({ record, field: 'id', reason: repeatedRecord, effect: 'changed' });
      continue;
    }
    const zoned =
      checked.timeZone === undefined && timeZone !== undefined ? { ...checked, timeZone } : checked;
    const venue = dedupe === false ? zoned : dedupeSeats(zoned, dedupe, problems);
    const faults = venueProblems(venue);
    for (const fault of faults) {
      const hint =
        fault.field === 'seatId'
          ? '; with the option dedupe the first is kept, or the others are renamed (dedupe=rename)'
          : '';
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
    const record = `performance "${performance.id}", schedule "${id}"`;
    problems.add({ record, field: 'id', reason: repeatedRecord, effect: 'changed' });
    return false;
  });
  return { ...performance, schedules };
}

function assemblePerformances(
  candidates: readonly Candidate[],
  options: FeedOptions,
  { venues, listed }: { readonly venues: ReadonlyMap<string, VenueDocument>; readonly listed: Set<string> },
  feedProblems: ProblemList,
): PerformanceDocument[] {
  const performances = new Map<string, PerformanceDocument>();
  for (const candidate of atMost(candidates, maxPerformances, 'performances', feedProblems)) {
    const problems = feedProblems.about(idOf(candidate));
    const checked = validateRecord(performanceDocumentSchema, candidate, problems);
    if (checked === undefined) continue;
    for (const { category } of checked.prices) listed.add(category);
    const venueZone = 'venue' in checked ? venues.get(checked.venue)?.timeZone : undefined;
    const adapted = applyOptions(checked, venueZone, options, problems);
    if (adapted === undefined) continue;
    const performance = withoutRepeatedSchedules(adapted, problems);
    if (performances.has(performance.id)) {
      const { record } = candidate;
      problems.add({ record, field: 'id', reason: repeatedRecord, effect: 'changed' });
      continue;
    }
    const faults = performanceProblems(performance);
    if (performance.prices.length > maxPrices) {
      faults.push({ record: candidate.record, field: 'prices', reason: `has more than ${maxPrices} prices` });
    }
    for (const fault of faults) problems.add({ ...fault, effect: 'skipped' });
    if (faults.length > 0) continue;
    performances.set(performance.id, performance);
  }
  return [...performances.values()];
}

interface Assembled {
  readonly document: CatalogDocument;
  /** Categories of the option prices that neither a plan nor a performance of the feed has. */
  readonly unlistedPrices: readonly string[];
}

/**
 * Builds the catalog document from a parsed feed: applies the options, checks every record, and leaves out and reports
 * records that cannot be published.
 * @returns undefined when nothing is left to import
 */
export function assemble(raw: RawFeed, options: FeedOptions, problems: ProblemList): Assembled | undefined {
  const { only, venueId, venueName, focus } = options;
  const source = options.source ?? raw.source;
  let feed = only === undefined ? raw : selectOnly(raw, only, problems);
  if (venueId !== undefined) feed = attachToVenue(feed, venueId, problems);
  if (venueName !== undefined) feed = describeVenue(feed, 'venueName', { name: venueName }, problems);
  if (focus !== undefined) feed = describeVenue(feed, 'focus', { focus }, problems);

  const venues = assembleVenues(feed.venues, options, problems);
  const listed = new Set(['*', ...categoriesOf([...venues.values()])]);
  const performances = assemblePerformances(feed.performances, options, { venues, listed }, problems);
  if (venues.size === 0 && performances.length === 0) return undefined;
  if (performances.length === 0 && !checkPlanPrices([...venues.values()], options, problems))
    return undefined;
  const chosen = performances.length === 0 ? [] : (options.prices ?? []).map(({ category }) => category);
  return {
    document: {
      format: 'boxoffice-catalog',
      version: 1,
      source,
      venues: [...venues.values()],
      performances,
    },
    unlistedPrices: chosen.filter((category) => !listed.has(category)),
  };
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
  problems.keepOnly(new Set([...wanted, ...found]));
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

/** Changes fields of the feed's only venue; with more than one they are not used, and a problem is reported. */
function describeVenue(
  feed: RawFeed,
  option: 'venueName' | 'focus',
  fields: Candidate['value'],
  problems: ProblemList,
): RawFeed {
  const [venue, ...others] = feed.venues;
  if (venue !== undefined && others.length === 0) {
    return { ...feed, venues: [{ ...venue, value: { ...venue.value, ...fields } }] };
  }
  const reason = `the feed has ${feed.venues.length} venues, so it was not used`;
  problems.add({ record: `option ${option}`, reason, effect: 'changed' });
  return feed;
}

/**
 * Prices belong to performances: of a feed with plans only, chosen prices are reported, and those of categories that no
 * plan has are refused.
 * @returns whether the feed may be imported
 */
function checkPlanPrices(
  venues: readonly VenueDocument[],
  { prices = [] }: FeedOptions,
  problems: ProblemList,
): boolean {
  if (prices.length === 0) return true;
  const known = new Set(categoriesOf(venues));
  const unknown = prices.map(({ category }) => category).filter((name) => name !== '*' && !known.has(name));
  for (const category of unknown) {
    const reason = `no seat of the feed has the category "${category}"; it has ${quoted([...known])}`;
    problems.add({ record: 'option prices', field: category, reason, effect: 'refused' });
  }
  const reason = 'the feed has no performances, so no price was set: give prices with the performance';
  if (unknown.length === 0) problems.add({ record: 'option prices', reason, effect: 'changed' });
  return unknown.length === 0;
}

function categoriesOf(venues: readonly VenueDocument[]): string[] {
  return venues.flatMap(({ sections }) =>
    sections.flatMap(({ rows, standing }) => [
      ...rows.flatMap(({ seats }) => seats.map(({ category }) => category)),
      ...(standing === undefined ? [] : [standing.category]),
    ]),
  );
}

const maxQuoted = 20;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, maxQuoted).map((name) => `"${name}"`);
  const more = names.length > maxQuoted ? ` and ${names.length - maxQuoted} more` : '';
  return names.length === 0 ? 'none' : `${shown.join(', ')}${more}`;
}

/** `own` prices with those in `chosen` replaced or added; a replaced one keeps the feed's label and colour. */
function mergePrices(own: readonly PriceCategory[], chosen: readonly PriceCategory[]): PriceCategory[] {
  const merged = new Map(own.map((price) => [price.category, price]));
  for (const price of chosen) merged.set(price.category, { ...merged.get(price.category), ...price });
  return [...merged.values()];
}

const shiftDate = (date: string, days: number) =>
  new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10);

/** `moment` moved by whole days of `timeZone`, so that its local time stays; days of 24 hours without a zone. */
function shiftMoment(moment: Instant, days: number, timeZone: string | undefined): Instant {
  const local = timeZone === undefined ? undefined : localTimeOf(moment, timeZone);
  const moved =
    local === undefined || timeZone === undefined
      ? undefined
      : atLocalTime(shiftDate(local.slice(0, 10), days), local.slice(11, 19), timeZone);
  return moved?.instant ?? addMs(moment, days * dayMs);
}

/** Years of shifted dates: dates are written with four digits. */
const [firstYear, lastYear] = [1000, 9000];

/** The performance moved by whole days; undefined when it would leave the years 1000–9000. */
function shift(
  performance: PerformanceDocument,
  days: number,
  timeZone: string | undefined,
): PerformanceDocument | undefined {
  const { startDate, endDate, schedules, sales } = performance;
  const { opensAt, closesAt } = sales ?? {};
  const moments = [startDate, endDate, ...schedules.map((schedule) => schedule.startsAt)];
  for (const moment of [opensAt, closesAt]) if (moment) moments.push(moment);
  const years = moments.map((moment) => new Date(Date.parse(moment) + days * dayMs).getUTCFullYear());
  if (years.some((year) => !(year >= firstYear && year <= lastYear))) return undefined;
  return {
    ...performance,
    startDate: shiftDate(startDate, days),
    endDate: shiftDate(endDate, days),
    schedules: schedules.map((schedule) => ({
      ...schedule,
      startsAt: shiftMoment(schedule.startsAt, days, timeZone),
    })),
    ...(sales === undefined
      ? {}
      : {
          sales: {
            ...sales,
            ...(opensAt ? { opensAt: shiftMoment(opensAt, days, timeZone) } : {}),
            ...(closesAt ? { closesAt: shiftMoment(closesAt, days, timeZone) } : {}),
          },
        }),
  };
}

/** A performance with the chosen prices, sales rules and dates; undefined (and reported) when it cannot be shifted. */
function applyOptions(
  performance: PerformanceDocument,
  venueZone: string | undefined,
  options: FeedOptions,
  problems: ProblemList,
): PerformanceDocument | undefined {
  const { shiftDays = 0, prices = [], sales, timeZone } = options;
  const zone = performance.timeZone ?? (performance.venueId === undefined ? venueZone : timeZone);
  const shifted = shiftDays === 0 ? performance : shift(performance, shiftDays, zone);
  if (shifted === undefined) {
    problems.add({
      record: `performance "${performance.id}"`,
      field: 'startDate',
      reason: `cannot be moved by ${shiftDays} days`,
      effect: 'skipped',
    });
    return undefined;
  }
  // A venue of the catalog may have no zone yet; one of the feed has been given the option's.
  const isZoneOpen =
    shifted.timeZone === undefined && shifted.venueId !== undefined && timeZone !== undefined;
  return {
    ...shifted,
    ...(isZoneOpen ? { timeZone } : {}),
    prices: mergePrices(shifted.prices, prices),
    ...(sales === undefined ? {} : { sales: { ...shifted.sales, ...sales } }),
  };
}

/** A seat id made from the id that is taken and the seat's place, so that it is the same in the next import. */
function renamedId(seatId: string, row: string, number: string): string {
  const place = `/${row}/${number}`;
  return `${seatId.slice(0, Math.max(1, 64 - place.length))}${place}`;
}

/** `venue` with one seat for each id: of several the first is kept, and each of the others is left out or renamed. */
function dedupeSeats(venue: VenueDocument, how: true | 'rename', problems: ProblemList): VenueDocument {
  const seen = new Set<string>();
  const places = new Set<string>();
  const known = new Set<string>(
    venue.sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats.map(({ seatId }) => seatId))),
  );
  const sections = venue.sections.map((section) => ({
    ...section,
    rows: section.rows
      .map((row) => {
        /** Ids that a seat of the row had before, with the new ones: its companion places are in its row. */
        const renames = new Map<string, SeatId>();
        const seats = row.seats.flatMap((seat) => {
          if (!seen.has(seat.seatId)) {
            seen.add(seat.seatId);
            places.add(placeText(placeOf(section, row, seat)));
            return [seat];
          }
          const renamed = seatIdSchema.safeParse(renamedId(seat.seatId, row.label, seat.number));
          const isElsewhere = !places.has(placeText(placeOf(section, row, seat)));
          const isFree = how === 'rename' && isElsewhere && renamed.success && !known.has(renamed.data);
          problems.add({
            record: `venue "${venue.id}", section "${section.sectionId}", row "${row.label}", number "${seat.number}"`,
            field: 'seatId',
            reason: `an earlier seat has the id "${seat.seatId}"${isFree ? `; called "${renamed.data}"` : ''}`,
            effect: isFree ? 'changed' : 'skipped',
          });
          if (!isFree) return [];
          known.add(renamed.data);
          places.add(placeText(placeOf(section, row, seat)));
          renames.set(seat.seatId, renamed.data);
          return [{ ...seat, seatId: renamed.data }];
        });
        return { ...row, seats: seats.map((seat) => withCompanionOf(seat, renames)) };
      })
      .filter((row) => row.seats.length > 0),
  }));
  const isLeft = ({ rows, standing }: (typeof sections)[number]) => rows.length > 0 || standing !== undefined;
  return { ...venue, sections: sections.filter(isLeft) };
}

function withCompanionOf(seat: PlanSeat, renames: ReadonlyMap<string, SeatId>): PlanSeat {
  const companionOf = seat.companionOf === undefined ? undefined : renames.get(seat.companionOf);
  return companionOf === undefined ? seat : { ...seat, companionOf };
}
