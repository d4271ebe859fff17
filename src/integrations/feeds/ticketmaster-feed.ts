import { momentSchema } from '../../domain/catalog-document.js';
import type { Instant } from '../../events/ids.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import {
  instantOf,
  isDate,
  isObject,
  type JsonObject,
  listOf,
  minorUnits,
  numberOf,
  objectOf,
  textOf,
  toPoints,
} from './values.js';

/** Most events taken from one page; the API's own pages have at most 200. */
const maxEvents = 1000;
const maxDescription = 10_000;

/** Address lines, city, state and country: what the venue states of them, in this order. */
function locationOf(venue: JsonObject): string {
  const address = objectOf(venue.address);
  const parts = [address.line1, address.line2, address.line3].map(textOf);
  const places = [venue.city, venue.state, venue.country].map((place) => textOf(objectOf(place).name));
  return [...parts, ...places]
    .filter((part) => part !== undefined)
    .join(', ')
    .slice(0, 500);
}

/** The event's venue as a candidate; undefined (and reported) when it names none that can be used. */
function readVenue(
  event: JsonObject,
  record: string,
  problems: ProblemList,
): { id: string; venue: Candidate } | undefined {
  const venues = listOf(objectOf(event._embedded).venues);
  const value = objectOf(venues[0]);
  const [id, name] = [textOf(value.id), textOf(value.name)];
  const field = '_embedded.venues';
  if (id === undefined || name === undefined) {
    const reason = venues.length === 0 ? 'names no venue' : 'has a venue without id or name';
    problems.add({ record, field, reason, effect: 'skipped' });
    return undefined;
  }
  if (venues.length > 1) {
    problems.add({
      record,
      field,
      reason: `names ${venues.length} venues; the first is taken`,
      effect: 'changed',
    });
  }
  const candidate = { id, name: name.slice(0, 300), location: locationOf(value), sections: [] };
  return { id, venue: { record: `venue "${name}" (${id})`, value: candidate } };
}

/** The feed's free texts, without placeholders (feeds fill required fields with "."). */
function descriptionOf(event: JsonObject, record: string, problems: ProblemList): string {
  const texts = [event.description, event.info, event.pleaseNote].map(textOf);
  const text = texts.filter((part) => part !== undefined && /\p{L}/u.test(part)).join('\n\n');
  if (text.length > maxDescription) {
    const reason = `info and pleaseNote are cut to ${maxDescription} characters`;
    problems.add({ record, field: 'info', reason, effect: 'changed' });
  }
  return text.slice(0, maxDescription);
}

function readEvent(
  value: unknown,
  index: number,
  options: FeedOptions,
  problems: ProblemList,
): { performance: Candidate; venue: Candidate | undefined } | undefined {
  const event = objectOf(value);
  const [id, name] = [textOf(event.id), textOf(event.name)];
  const record = `event ${name === undefined ? '' : `"${name}" `}(${id ?? `events[${index}]`})`;
  const fault = !isObject(value)
    ? 'is not an event'
    : id === undefined || name === undefined
      ? 'has no id or no name'
      : event.test === true
        ? 'is a test event'
        : undefined;
  if (fault !== undefined || id === undefined || name === undefined) {
    problems.add({ record, reason: fault ?? 'is not an event', effect: 'skipped' });
    return undefined;
  }
  const dates = readDates(event, id, record, problems);
  // With the option venueId, the event's own venue is not needed.
  const place = options.venueId === undefined ? readVenue(event, record, problems) : undefined;
  if (dates === undefined || (place === undefined && options.venueId === undefined)) return undefined;
  const performance = {
    id,
    venue: place?.id,
    name: name.slice(0, 300),
    description: descriptionOf(event, record, problems),
    ...dates,
    prices: readPrices(event, options.pointsPerUnit, record, problems),
    sales: readSales(event, record, problems),
  };
  return { performance: { record, value: performance }, venue: place?.venue };
}

/** Reports how many events are on other pages. */
function reportOtherPages(feed: JsonObject, taken: number, problems: ProblemList): void {
  const page = objectOf(feed.page);
  const [total, number, pages] = [page.totalElements, page.number, page.totalPages].map(numberOf);
  if (total === undefined || total <= taken) return;
  const where =
    number === undefined || pages === undefined ? '' : ` (this is page ${number + 1} of ${pages})`;
  problems.add({
    record: 'page',
    reason: `${total - taken} more events are on other pages${where}`,
    effect: 'skipped',
  });
}

/**
 * Reads a page of events, or one event, of Ticketmaster's Discovery API v2. Each event is a performance of its
 * own with one date: the API has no runs. Venues come without seats.
 */
export function readTicketmasterFeed(
  value: unknown,
  problems: ProblemList,
  options: FeedOptions,
): RawFeed | undefined {
  const feed = objectOf(value);
  const isPage = Array.isArray(objectOf(feed._embedded).events);
  if (!isPage && !isObject(feed.dates)) {
    const reason = 'is neither a page of events nor an event of the Discovery API v2';
    problems.add({ record: 'feed', reason, effect: 'refused' });
    return undefined;
  }
  const events = isPage ? listOf(objectOf(feed._embedded).events) : [value];
  if (events.length > maxEvents) {
    const reason = `${events.length - maxEvents} events beyond the first ${maxEvents} are left out`;
    problems.add({ record: 'page', reason, effect: 'skipped' });
  }
  if (isPage) reportOtherPages(feed, events.length, problems);
  const venues = new Map<unknown, Candidate>();
  const performances = events.slice(0, maxEvents).flatMap((event, index) => {
    const read = readEvent(event, index, options, problems);
    if (read === undefined) return [];
    if (read.venue !== undefined && !venues.has(read.venue.value.id))
      venues.set(read.venue.value.id, read.venue);
    return [read.performance];
  });
  return { source: 'ticketmaster', venues: [...venues.values()], performances };
}

interface EventDates {
  readonly startDate: string;
  readonly endDate: string;
  readonly schedules: readonly {
    readonly id: string;
    readonly startsAt: Instant;
    readonly status: 'scheduled' | 'cancelled';
  }[];
}

/** A `dateTime` of the feed (UTC), or the local date and time in the event's zone. */
function startOf(start: JsonObject, timeZone: string | undefined): Instant | undefined {
  const moment = momentSchema.safeParse(textOf(start.dateTime));
  if (moment.success) return moment.data;
  const [date, time] = [textOf(start.localDate), textOf(start.localTime)];
  if (date === undefined || time === undefined || timeZone === undefined) return undefined;
  return instantOf(date, time, timeZone);
}

/** Why the event has a day but no time. */
function missingTime(start: JsonObject): string {
  if (start.timeTBA === true) return 'the time is to be announced';
  return start.noSpecificTime === true ? 'the event has no specific time' : 'it has no usable time';
}

/** The last local day: the end's date when the event states a firm one. */
function endDateOf(dates: JsonObject, startDate: string): string {
  const end = objectOf(dates.end);
  const endDate = textOf(end.localDate);
  const firm = endDate !== undefined && isDate(endDate) && end.approximate !== true;
  return firm && endDate > startDate ? endDate : startDate;
}

/**
 * Reads an event's dates. A known day without a time gives an event without a date to book; a postponed
 * event's old date counts as cancelled.
 * @returns undefined (and reports it) when not even the day is known
 */
function readDates(
  event: JsonObject,
  id: string,
  record: string,
  problems: ProblemList,
): EventDates | undefined {
  const dates = objectOf(event.dates);
  const start = objectOf(dates.start);
  const startDate = textOf(start.localDate);
  if (start.dateTBD === true || start.dateTBA === true) {
    problems.add({ record, field: 'dates.start', reason: 'the date is to be announced', effect: 'skipped' });
    return undefined;
  }
  if (startDate === undefined || !isDate(startDate)) {
    problems.add({ record, field: 'dates.start.localDate', reason: 'is not a date', effect: 'skipped' });
    return undefined;
  }
  const endDate = endDateOf(dates, startDate);
  const timeIsOpen = start.timeTBA === true || start.noSpecificTime === true;
  const startsAt = timeIsOpen ? undefined : startOf(start, textOf(dates.timezone));
  if (startsAt === undefined) {
    const reason = `${missingTime(start)}; listed without a date to book`;
    problems.add({ record, field: 'dates.start', reason, effect: 'changed' });
    return { startDate, endDate, schedules: [] };
  }
  const code = textOf(objectOf(dates.status).code)?.toLowerCase();
  if (code === 'postponed') {
    const reason = 'is postponed; the old date is taken as cancelled';
    problems.add({ record, field: 'dates.status.code', reason, effect: 'changed' });
  }
  const isOff = code === 'cancelled' || code === 'canceled' || code === 'postponed';
  return { startDate, endDate, schedules: [{ id, startsAt, status: isOff ? 'cancelled' : 'scheduled' }] };
}

/** Most price ranges read of one event; real ones have a handful. */
const maxRanges = 100;

interface PriceRange {
  readonly type: string;
  readonly currency: string;
  readonly max: number;
}

function rangesOf(event: JsonObject, record: string, problems: ProblemList): PriceRange[] {
  const ranges = listOf(event.priceRanges);
  if (ranges.length > maxRanges) {
    const reason = `has ${ranges.length} ranges; the first ${maxRanges} are read`;
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  }
  return ranges.slice(0, maxRanges).flatMap((value, index) => {
    const range = objectOf(value);
    const [max, currency] = [numberOf(range.max) ?? numberOf(range.min), textOf(range.currency)];
    if (isObject(value) && max !== undefined && max >= 0 && currency !== undefined) {
      return [{ type: textOf(range.type) ?? 'standard', currency, max }];
    }
    const reason = 'has no amount with a currency';
    problems.add({ record, field: `priceRanges[${index}]`, reason, effect: 'skipped' });
    return [];
  });
}

/**
 * One price for every category: the highest "standard" price, in points; without a standard range, the highest
 * one including fees. The feed does not say which seats a range is for. Empty when it states no price.
 */
function readPrices(
  event: JsonObject,
  pointsPerUnit: number | undefined,
  record: string,
  problems: ProblemList,
): { category: string; price: number }[] {
  const ranges = rangesOf(event, record, problems);
  const standard = ranges.filter((range) => range.type === 'standard');
  const candidates = standard.length > 0 ? standard : ranges;
  const [first] = candidates;
  if (first === undefined) {
    const reason = 'states no price: no seat is for sale unless prices are given as an option';
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
    return [];
  }
  const others = new Set(candidates.map((range) => range.currency).filter((code) => code !== first.currency));
  if (others.size > 0) {
    const reason = `states prices in several currencies; ${[...others].join(', ')} not taken`;
    problems.add({ record, field: 'priceRanges', reason, effect: 'changed' });
  }
  const amounts = candidates.filter((range) => range.currency === first.currency).map((range) => range.max);
  const price = toPoints(Math.max(...amounts), pointsPerUnit ?? minorUnits(first.currency));
  if (price !== undefined) return [{ category: '*', price }];
  problems.add({ record, field: 'priceRanges', reason: 'is no possible price', effect: 'skipped' });
  return [];
}

/** The highest seat limit of the sales rules. */
const highestLimit = 20;

/**
 * The seat limit in a text such as "There is a limit of 10 tickets per customer". Only when the text has a single
 * number: texts with several ("4 during presale and 10 …") are reported and not used.
 */
function readSeatLimit(
  event: JsonObject,
  record: string,
  problems: ProblemList,
): { seatLimitPerUser?: number } {
  const text = textOf(objectOf(event.ticketLimit).info)?.slice(0, 2000);
  if (text === undefined) return {};
  const field = 'ticketLimit.info';
  const numbers = new Set([...text.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
  const [limit] = numbers;
  const isStated =
    /limit|max/i.test(text) &&
    /\b\d+\b[^.]{0,40}?\b(?:per|each)\b|\b(?:limit|maximum|max)\b[^.]{0,10}?\b\d+\b/i.test(text);
  if (limit === undefined || limit < 1 || limit > 999 || numbers.size > 1 || !isStated) {
    const found =
      numbers.size > 1
        ? `states several numbers (${[...numbers].slice(0, 5).join(', ')})`
        : 'states no clear limit';
    problems.add({ record, field, reason: `${found}; the usual limit applies`, effect: 'changed' });
    return {};
  }
  if (limit <= highestLimit) return { seatLimitPerUser: limit };
  problems.add({
    record,
    field,
    reason: `${limit} is more than the highest limit, ${highestLimit}`,
    effect: 'changed',
  });
  return { seatLimitPerUser: highestLimit };
}

function readOpening(event: JsonObject, record: string, problems: ProblemList): { opensAt?: string } {
  const sale = objectOf(objectOf(event.sales).public);
  const field = 'sales.public.startDateTime';
  if (sale.startTBD === true || sale.startTBA === true) {
    problems.add({ record, field, reason: 'the start of sales is to be announced', effect: 'changed' });
    return {};
  }
  if (sale.startDateTime === undefined) return {};
  const opensAt = momentSchema.safeParse(sale.startDateTime);
  if (opensAt.success) return { opensAt: opensAt.data };
  problems.add({ record, field, reason: 'is not a moment in time', effect: 'changed' });
  return {};
}

/** The sales rules an event states: when sales open and how many seats one fan may have. */
function readSales(event: JsonObject, record: string, problems: ProblemList): JsonObject {
  return { ...readOpening(event, record, problems), ...readSeatLimit(event, record, problems) };
}
