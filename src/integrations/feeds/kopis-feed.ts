import { type Instant, toInstant } from '../../events/ids.js';
import { isDate } from '../../events/local-time.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { readKopisPrices } from './kopis-prices.js';
import { isObject, type JsonObject, listOf, objectOf, textOf } from './values.js';

/** Most records taken from one answer; the API's own pages have at most 100. */
const maxRecords = 1000;
const maxDescription = 10_000;
/** Of every record: KOPIS is the information system of Korea's performing arts. */
const timeZone = 'Asia/Seoul';
/** Longest text of times that is read, in characters: real ones have a few dozen. */
const maxGuidance = 1000;

/** "2026.09.19" as 2026-09-19, or undefined. */
function dateOf(value: unknown): string | undefined {
  const date = textOf(value)?.replaceAll('.', '-');
  return date !== undefined && isDate(date) ? date : undefined;
}

/** "14,483" as a number; undefined for other text and for 0, which in KOPIS means unknown. */
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
function readFacility(facility: JsonObject, feedProblems: ProblemList): Candidate[] {
  const [id, name] = [textOf(facility.mt10id), textOf(facility.fcltynm)];
  const problems = id === undefined ? feedProblems : feedProblems.about(id);
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
    return [{ record, value: { id, name, location, timeZone, capacity, sections: [] } }];
  }
  return halls.flatMap((item, index) => {
    const hall = objectOf(item);
    const [hallId, hallName] = [textOf(hall.mt13id), textOf(hall.prfplcnm)];
    const hallRecord = `${record}, hall ${hallName === undefined ? '' : `"${hallName}" `}(${hallId ?? `mt13[${index}]`})`;
    if (hallId === undefined) {
      problems.add({ record: hallRecord, field: 'mt13id', reason: 'is missing', effect: 'skipped' });
      return [];
    }
    const capacity = capacityOf(hall.seatscale, hallRecord, problems.about(hallId));
    // As a performance's fcltynm spells it: "facility (hall)".
    const fullName = hallName === undefined ? name : `${name} (${hallName})`;
    const value = { id: hallId, name: fullName, location, timeZone, capacity, sections: [] };
    return [{ record: hallRecord, value }];
  });
}

interface ReadPerformance {
  readonly performance: Candidate;
  readonly venue: Candidate | undefined;
}

/** The required field that is missing, if any. */
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
  feedProblems: ProblemList,
): ReadPerformance | undefined {
  const [id = '', name] = [textOf(detail.mt20id), textOf(detail.prfnm)];
  const problems = feedProblems.about(id);
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
  // The detail has no address or capacity, so it must not overwrite the facility's own record.
  const venue = {
    id: venueId,
    ifAbsent: true,
    name: venueName,
    location: (textOf(detail.area) ?? '').slice(0, 500),
    timeZone,
    sections: [],
  };
  const performance = {
    id,
    venue: venueId,
    name,
    description: descriptionOf(detail, record, problems),
    startDate,
    endDate,
    timeZone,
    prices: readKopisPrices(textOf(detail.pcseguidance), pointsPerWon(options), record, problems),
    schedules: readSchedules(detail, { id, startDate, endDate }, record, problems),
  };
  return {
    performance: { record, value: performance },
    venue:
      options.venueId === undefined
        ? { record: `venue "${venueName ?? ''}" (${venueId ?? ''})`, value: venue }
        : undefined,
  };
}

function pointsPerWon({ pointsPerUnit = {} }: FeedOptions): number {
  return typeof pointsPerUnit === 'number' ? pointsPerUnit : (pointsPerUnit.KRW ?? 1);
}

/** What another answer of KOPIS is, and what to import instead; undefined when `db` is a detail, or neither. */
function listKindOf(db: JsonObject): { readonly name: string; readonly instead: string } | undefined {
  const has = (...names: string[]) => names.some((name) => name in db);
  if (textOf(db.mt20id) !== undefined && !has('mt10id', 'mt13id', 'pcseguidance', 'dtguidance')) {
    const name = has('rnum') ? 'box-office ranking' : 'list of performances';
    return { name, instead: 'the detail of each performance (pblprfr/{mt20id})' };
  }
  if (textOf(db.mt10id) !== undefined && !has('mt13s', 'adres', 'seatscale') && !has('mt20id')) {
    return { name: 'list of facilities', instead: 'the detail of each facility (prfplc/{mt10id})' };
  }
  return undefined;
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
  const ranking = listOf(objectOf(objectOf(value).boxofs).boxof);
  const records = ranking.length > 0 ? ranking : listOf(objectOf(objectOf(value).dbs).db);
  if (records.length === 0) {
    problems.add({ record: 'feed', reason: 'has no dbs with a db in it', effect: 'refused' });
    return undefined;
  }
  const lists = records.flatMap((record) => listKindOf(objectOf(record)) ?? []);
  const [list] = lists;
  if (list !== undefined) {
    const isWhole = lists.length === records.length;
    problems.add({
      record: isWhole ? 'feed' : `${lists.length} records`,
      reason: `${isWhole ? 'is' : 'are of'} a KOPIS ${list.name}, without prices, times or halls: import ${list.instead}`,
      effect: isWhole ? 'refused' : 'skipped',
    });
  }
  if (records.length > maxRecords) {
    const reason = `${records.length - maxRecords} records beyond the first ${maxRecords} are left out`;
    problems.add({ record: 'feed', reason, effect: 'skipped' });
  }
  const venues = new Map<unknown, Candidate>();
  const performances: Candidate[] = [];
  records.slice(0, maxRecords).forEach((record, index) => {
    const db = objectOf(record);
    if (listKindOf(db) !== undefined) return;
    if (textOf(db.mt20id) !== undefined) {
      const read = readPerformance(db, options, problems);
      if (read === undefined) return;
      performances.push(read.performance);
      const venueId = read.venue?.value.id;
      if (read.venue !== undefined && !venues.has(venueId)) venues.set(venueId, read.venue);
    } else if (isObject(record) && textOf(db.mt10id) !== undefined) {
      // A facility's own record replaces the mention in a performance.
      for (const venue of readFacility(db, problems)) venues.set(venue.value.id, venue);
    } else {
      reportUnknown(db, index, problems);
    }
  });
  return { source: 'kopis', venues: [...venues.values()], performances };
}

const dayMs = 86_400_000;
const weekdays = ['일', '월', '화', '수', '목', '금', '토'];
/** Most dates one performance may have. */
const maxDates = 1000;

/** The number of a Korean weekday ("토요일" or "토"), 0 for Sunday; -1 for any other text. */
const weekdayOf = (text: string) => weekdays.indexOf(text.trim().replace(/요일$/, ''));

/** Weekdays of "토요일", "화요일 ~ 금요일" (may run over Sunday) or "매일"; undefined when it is none of these. */
function daysOf(text: string): number[] | undefined {
  if (text.trim() === '매일') return [0, 1, 2, 3, 4, 5, 6];
  const [from = '', to, ...rest] = text.split(/[~∼〜-]/);
  const [first, last] = [weekdayOf(from), weekdayOf(to ?? from)];
  if (first < 0 || last < 0 || rest.length > 0) return undefined;
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7);
}

interface WeeklyTime {
  readonly text: string;
  readonly day: number;
  readonly time: string;
}

/** Parses "토요일(15:00,19:00), 화요일 ~ 금요일(19:30)"; reports what is neither a day nor a time. */
function readWeeklyTimes(guidance: string, record: string, problems: ProblemList): WeeklyTime[] {
  const field = 'dtguidance';
  const leave = (piece: string, reason: string) =>
    problems.add({ record, field, reason: `"${piece}" ${reason}: left out`, effect: 'changed' });
  // Full-width brackets, digits and colons as their usual forms.
  const pieces = [...guidance.normalize('NFKC').matchAll(/([^()]*)(?:\(([^()]*)\)|$)/g)].filter(
    ([whole]) => whole.trim() !== '',
  );
  return pieces.flatMap(([whole, dayText = '', timeText]) => {
    const piece = whole.replace(/^[\s,]+/, '').trim();
    const names = dayText
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (timeText === undefined || names.length === 0) {
      if (piece !== '') leave(piece, 'has no day with its times in brackets');
      return [];
    }
    const times = timeText.split(',').map((time) => time.trim().padStart(5, '0'));
    const good = times.filter((time) => /^(?:[01]\d|2[0-3]):[0-5]\d$/.test(time));
    for (const time of times) if (!good.includes(time)) leave(piece, `has an invalid time: "${time}"`);
    return names.flatMap((name) => {
      const days = daysOf(name);
      if (days !== undefined) return days.flatMap((day) => good.map((time) => ({ text: piece, day, time })));
      leave(
        piece,
        /^(?:HOL|공휴일)$/i.test(name)
          ? 'is for public holidays, which the feed does not date'
          : `has an unknown day: "${name}"`,
      );
      return [];
    });
  });
}

/**
 * The dates of a performance: KOPIS states weekdays and times, in Seoul, which apply to every such weekday from
 * `startDate` to `endDate` (YYYY-MM-DD).
 * @returns schedules in the order of time, at most 1000; everything left out is reported
 */
function readSchedules(
  detail: JsonObject,
  performance: { readonly id: string; readonly startDate: string; readonly endDate: string },
  record: string,
  problems: ProblemList,
): { id: string; startsAt: Instant; status: 'scheduled' | 'cancelled' }[] {
  const field = 'dtguidance';
  const guidance = textOf(detail.dtguidance);
  const status = /취소/.test(textOf(detail.prfstate) ?? '') ? 'cancelled' : 'scheduled';
  if (guidance === undefined) {
    problems.add({
      record,
      field,
      reason: 'states no days and times; listed without a date to book',
      effect: 'changed',
    });
    return [];
  }
  if (guidance.length > maxGuidance) {
    const reason = `is longer than ${maxGuidance} characters: no date is taken from it`;
    problems.add({ record, field, reason, effect: 'changed' });
    return [];
  }
  const weekly = readWeeklyTimes(guidance, record, problems);
  const schedules = new Map<string, { id: string; startsAt: Instant; status: typeof status }>();
  const played = new Set<string>();
  const last = weekly.length === 0 ? Number.NEGATIVE_INFINITY : Date.parse(performance.endDate);
  let isCut = false;
  for (let ms = Date.parse(performance.startDate); ms <= last && !isCut; ms += dayMs) {
    const date = new Date(ms).toISOString().slice(0, 10);
    const weekday = new Date(ms).getUTCDay();
    for (const { text, time } of weekly.filter((slot) => slot.day === weekday)) {
      const id = `${performance.id}-${date}T${time}`;
      isCut ||= schedules.size >= maxDates && !schedules.has(id);
      // Seoul keeps UTC+9 all year.
      const startsAt = toInstant(Date.parse(`${date}T${time}:00+09:00`));
      if (!isCut) schedules.set(id, { id, startsAt, status });
      played.add(text);
    }
  }
  for (const text of new Set(weekly.map((slot) => slot.text))) {
    if (!played.has(text) && !isCut) {
      problems.add({
        record,
        field,
        reason: `"${text}" is on no day of the run: left out`,
        effect: 'changed',
      });
    }
  }
  if (isCut)
    problems.add({ record, field, reason: `only the first ${maxDates} dates are taken`, effect: 'changed' });
  return [...schedules.values()].sort((a, b) => (a.startsAt < b.startsAt ? -1 : 1));
}
