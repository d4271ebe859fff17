import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { isObject, type JsonObject, listOf, objectOf, textOf } from './json-values.js';
import { readKopisPrices } from './kopis-prices.js';
import { readSchedules } from './kopis-times.js';
import { isDate } from './local-time.js';

/** Most records taken from one answer; the API's own pages have at most 100. */
const maxRecords = 1000;
const maxDescription = 10_000;

/** "2026.09.19" as 2026-09-19, or undefined. */
function dateOf(value: unknown): string | undefined {
  const date = textOf(value)?.replaceAll('.', '-');
  return date !== undefined && isDate(date) ? date : undefined;
}

/** "14,483" as a number; undefined when it is none, or 0, with which KOPIS says that it does not know. */
function capacityOf(value: unknown, record: string, problems: ProblemList): number | undefined {
  const text = textOf(value)?.replaceAll(',', '');
  const capacity = text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (capacity > 0) return capacity;
  const reason = `"${text ?? ''}" states no capacity`;
  problems.add({ record, field: 'seatscale', reason, effect: 'changed' });
  return undefined;
}

/** Synopsis first, then cast, genre, length and age limit, each on a line of its own. */
function descriptionOf(detail: JsonObject, record: string, problems: ProblemList): string {
  const facts = [
    ['출연', detail.prfcast],
    ['장르', detail.genrenm],
    ['공연시간', detail.prfruntime],
    ['관람연령', detail.prfage],
  ] as const;
  const lines = facts.flatMap(([label, value]) => {
    const text = textOf(value);
    return text === undefined ? [] : [`${label}: ${text}`];
  });
  const text = [textOf(detail.sty), lines.join('\n')]
    .filter((part) => part !== undefined && part !== '')
    .join('\n\n');
  if (text.length > maxDescription) {
    problems.add({
      record,
      field: 'sty',
      reason: `is cut to ${maxDescription} characters`,
      effect: 'changed',
    });
  }
  return text.slice(0, maxDescription);
}

/** The facility's halls as venues, or the facility itself when it lists none. */
function readFacility(facility: JsonObject, problems: ProblemList): Candidate[] {
  const [id, name] = [textOf(facility.mt10id), textOf(facility.fcltynm)];
  const record = `facility ${name === undefined ? '' : `"${name}" `}(${id ?? 'no mt10id'})`;
  if (id === undefined || name === undefined) {
    problems.add({
      record,
      field: id === undefined ? 'mt10id' : 'fcltynm',
      reason: 'is missing',
      effect: 'skipped',
    });
    return [];
  }
  const location = (textOf(facility.adres) ?? '').slice(0, 500);
  const halls = listOf(objectOf(facility.mt13s).mt13);
  if (halls.length === 0) {
    const capacity = capacityOf(facility.seatscale, record, problems);
    return [{ record, value: { id, name, location, capacity, sections: [] } }];
  }
  return halls.flatMap((value, index) => {
    const hall = objectOf(value);
    const [hallId, hallName] = [textOf(hall.mt13id), textOf(hall.prfplcnm)];
    const hallRecord = `${record}, hall ${hallName === undefined ? '' : `"${hallName}" `}(${hallId ?? `mt13[${index}]`})`;
    if (hallId === undefined) {
      problems.add({ record: hallRecord, field: 'mt13id', reason: 'is missing', effect: 'skipped' });
      return [];
    }
    const capacity = capacityOf(hall.seatscale, hallRecord, problems);
    // As a performance's fcltynm spells it: "facility (hall)".
    const fullName = hallName === undefined ? name : `${name} (${hallName})`;
    return [{ record: hallRecord, value: { id: hallId, name: fullName, location, capacity, sections: [] } }];
  });
}

interface ReadPerformance {
  readonly performance: Candidate;
  readonly venue: Candidate | undefined;
}

/** The field that keeps a performance from being listed, if any. */
function missingField(detail: JsonObject, needsVenue: boolean): string | undefined {
  if (textOf(detail.prfnm) === undefined) return 'prfnm';
  if (dateOf(detail.prfpdfrom) === undefined) return 'prfpdfrom';
  if (dateOf(detail.prfpdto) === undefined) return 'prfpdto';
  if (!needsVenue) return undefined;
  if ((textOf(detail.mt13id) ?? textOf(detail.mt10id)) === undefined) return 'mt10id';
  return textOf(detail.fcltynm) === undefined ? 'fcltynm' : undefined;
}

function readPerformance(
  detail: JsonObject,
  options: FeedOptions,
  problems: ProblemList,
): ReadPerformance | undefined {
  const [id = '', name] = [textOf(detail.mt20id), textOf(detail.prfnm)];
  const [startDate, endDate] = [dateOf(detail.prfpdfrom), dateOf(detail.prfpdto)];
  const record = `performance ${name === undefined ? '' : `"${name}" `}(${id})`;
  const missing = missingField(detail, options.venueId === undefined);
  if (missing !== undefined || startDate === undefined || endDate === undefined) {
    const given = textOf(detail[missing ?? '']);
    const reason = given === undefined ? 'is missing' : `"${given}" is not a date`;
    problems.add({ record, field: missing ?? 'prfpdfrom', reason, effect: 'skipped' });
    return undefined;
  }
  const venueId = textOf(detail.mt13id) ?? textOf(detail.mt10id);
  const venueName = textOf(detail.fcltynm);
  // The detail knows no address or capacity, so it must not overwrite what the facility's own record says.
  const venue = {
    id: venueId,
    ifAbsent: true,
    name: venueName,
    location: (textOf(detail.area) ?? '').slice(0, 500),
    sections: [],
  };
  const performance = {
    id,
    venue: venueId,
    name,
    description: descriptionOf(detail, record, problems),
    startDate,
    endDate,
    prices: readKopisPrices(textOf(detail.pcseguidance), options.pointsPerUnit ?? 1, record, problems),
    schedules: readSchedules({ id, startDate, endDate }, textOf(detail.dtguidance), record, problems),
  };
  return {
    performance: { record, value: performance },
    venue:
      options.venueId === undefined
        ? { record: `venue "${venueName ?? ''}" (${venueId ?? ''})`, value: venue }
        : undefined,
  };
}

function reportUnknown(db: JsonObject, index: number, problems: ProblemList): void {
  const message = textOf(db.errmsg);
  const reason =
    message === undefined
      ? 'is neither a performance (mt20id) nor a facility (mt10id)'
      : `KOPIS answered: ${message}`;
  problems.add({ record: `db[${index}]`, reason, effect: 'skipped' });
}

/**
 * Reads answers of the KOPIS open API (Korea Performing Arts Box Office Information System): performance
 * details, facility details, or several of them in one `dbs`.
 */
export function readKopisFeed(
  value: unknown,
  problems: ProblemList,
  options: FeedOptions,
): RawFeed | undefined {
  const records = listOf(objectOf(objectOf(value).dbs).db);
  if (records.length === 0) {
    problems.add({ record: 'feed', reason: 'has no dbs with a db in it', effect: 'refused' });
    return undefined;
  }
  if (records.length > maxRecords) {
    const reason = `${records.length - maxRecords} records beyond the first ${maxRecords} are left out`;
    problems.add({ record: 'feed', reason, effect: 'skipped' });
  }
  const venues = new Map<unknown, Candidate>();
  const performances: Candidate[] = [];
  records.slice(0, maxRecords).forEach((record, index) => {
    const db = objectOf(record);
    if (textOf(db.mt20id) !== undefined) {
      const read = readPerformance(db, options, problems);
      if (read === undefined) return;
      performances.push(read.performance);
      const venueId = read.venue?.value.id;
      if (read.venue !== undefined && !venues.has(venueId)) venues.set(venueId, read.venue);
    } else if (isObject(record) && textOf(db.mt10id) !== undefined) {
      // A facility's own record replaces what a performance mentioned of its halls.
      for (const venue of readFacility(db, problems)) venues.set(venue.value.id, venue);
    } else {
      reportUnknown(db, index, problems);
    }
  });
  return { source: 'kopis', venues: [...venues.values()], performances };
}
