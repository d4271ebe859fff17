import { momentSchema } from '../../domain/catalog-document.js';
import type { Instant } from '../../events/ids.js';
import { atLocalTime, isDate, isKnownTimeZone, localTimeOf } from '../../events/local-time.js';
import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { type Rates, ratesOf, readPrices, readSales } from './ticketmaster-sales.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, textOf } from './values.js';

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
  timeZone: string | undefined,
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
  const candidate = {
    id,
    name: name.slice(0, 300),
    location: locationOf(value),
    ...(timeZone === undefined ? {} : { timeZone }),
    sections: [],
  };
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

/** The zone of the event: its own, its venue's, or the option's; an unknown one is reported. */
function timeZoneOf(
  event: JsonObject,
  fallback: string | undefined,
  record: string,
  problems: ProblemList,
): string | undefined {
  const venue = objectOf(listOf(objectOf(event._embedded).venues)[0]);
  const stated = [
    ['dates.timezone', textOf(objectOf(event.dates).timezone)],
    ['_embedded.venues[0].timezone', textOf(venue.timezone)],
  ] as const;
  for (const [field, zone] of stated) {
    if (zone === undefined) continue;
    if (isKnownTimeZone(zone)) return zone;
    problems.add({ record, field, reason: `"${zone}" is not a known time zone`, effect: 'changed' });
  }
  return fallback;
}

function readEvent(
  value: unknown,
  index: number,
  { options, rates }: { readonly options: FeedOptions; readonly rates: Rates },
  feedProblems: ProblemList,
): { performance: Candidate; venue: Candidate | undefined } | undefined {
  const event = objectOf(value);
  const [id, name] = [textOf(event.id), textOf(event.name)];
  const problems = id === undefined ? feedProblems : feedProblems.about(id);
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
  const timeZone = timeZoneOf(event, options.timeZone, record, problems);
  const dates = readDates(event, { id, timeZone }, record, problems);
  // With the option venueId, the event's own venue is not needed.
  const place = options.venueId === undefined ? readVenue(event, timeZone, record, problems) : undefined;
  if (dates === undefined || (place === undefined && options.venueId === undefined)) return undefined;
  const isPricedByHand = options.prices?.some(({ category }) => category === '*') ?? false;
  const prices = isPricedByHand ? [] : readPrices(event, rates, record, problems);
  const performance = {
    id,
    venue: place?.id,
    ...(timeZone === undefined ? {} : { timeZone }),
    name: name.slice(0, 300),
    description: descriptionOf(event, record, problems),
    ...dates,
    prices: isOffSale(event, options, record, problems)
      ? prices.map((price) => ({ ...price, price: null }))
      : prices,
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
  const taken = events.slice(0, maxEvents);
  const rates = ratesOf(taken, options, problems);
  const venues = new Map<unknown, Candidate>();
  const performances = taken.flatMap((event, index) => {
    const read = readEvent(event, index, { options, rates }, problems);
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

/**
 * A `dateTime` of the feed (UTC), or the local date and time in the event's zone. Reported: a local time that a clock
 * change skips or repeats, and one that contradicts the `dateTime`.
 */
function startOf(
  start: JsonObject,
  timeZone: string | undefined,
  record: string,
  problems: ProblemList,
): Instant | undefined {
  const report = (field: string, reason: string) =>
    problems.add({ record, field: `dates.start.${field}`, reason, effect: 'changed' });
  const moment = momentSchema.safeParse(textOf(start.dateTime));
  const [date, time] = [textOf(start.localDate), textOf(start.localTime)];
  const local =
    date === undefined || time === undefined || timeZone === undefined
      ? undefined
      : atLocalTime(date, time, timeZone);
  if (moment.success) {
    const shown = timeZone === undefined ? undefined : localTimeOf(moment.data, timeZone).slice(0, 16);
    const [wanted, isClear] = [`${date}T${time?.slice(0, 5)}`, local !== undefined && !local.change];
    if (isClear && shown !== undefined && shown !== wanted) {
      report('localTime', `${wanted} is not the time of dateTime, ${shown}; dateTime is taken`);
    }
    return moment.data;
  }
  if (local?.change === 'skipped') {
    const shown = localTimeOf(local.instant, timeZone ?? 'UTC').slice(0, 16);
    report('localTime', `${date}T${time} is skipped by a clock change; read as ${shown}`);
  } else if (local?.change === 'repeated') {
    report('localTime', `${date}T${time} comes twice in a clock change; the first is taken`);
  }
  return local?.instant;
}

/** Why the event has a day but no time. */
function missingTime(start: JsonObject, timeZone: string | undefined): string {
  if (start.timeTBA === true) return 'the time is to be announced';
  if (start.noSpecificTime === true) return 'the event has no specific time';
  return textOf(start.localTime) !== undefined && timeZone === undefined
    ? 'its local time has no time zone (the option timeZone gives one)'
    : 'it has no usable time';
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
  { id, timeZone }: { readonly id: string; readonly timeZone: string | undefined },
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
  const startsAt = timeIsOpen ? undefined : startOf(start, timeZone, record, problems);
  if (startsAt === undefined) {
    const reason = `${missingTime(start, timeZone)}; listed without a date to book`;
    problems.add({ record, field: 'dates.start', reason, effect: 'changed' });
    return { startDate, endDate, schedules: [] };
  }
  const code = statusOf(event);
  const isOff = code === 'cancelled' || code === 'canceled';
  return { startDate, endDate, schedules: [{ id, startsAt, status: isOff ? 'cancelled' : 'scheduled' }] };
}

/** The event's status code in lower case; some feeds state it as a plain text. */
function statusOf(event: JsonObject): string | undefined {
  const { status } = objectOf(event.dates);
  return (textOf(status) ?? textOf(objectOf(status).code))?.toLowerCase();
}

const knownStatuses = ['onsale', 'offsale', 'cancelled', 'canceled', 'postponed', 'rescheduled'];

/**
 * Whether no seat may be sold for now: the event is off sale, or postponed without a new date. A postponed date is not
 * cancelled, which would return every ticket: it keeps its id and moves when the feed states the new date.
 */
function isOffSale(
  event: JsonObject,
  { prices }: FeedOptions,
  record: string,
  problems: ProblemList,
): boolean {
  const code = statusOf(event);
  const sold = prices?.some(({ price }) => price !== null)
    ? 'seats for sale at the chosen prices only'
    : 'no seat for sale';
  const report = (reason: string) =>
    problems.add({ record, field: 'dates.status.code', reason, effect: 'changed' });
  if (code === 'offsale') report(`is off sale: listed with ${sold}`);
  else if (code === 'postponed') report(`is postponed: listed under the old date with ${sold}`);
  else if (code !== undefined && !knownStatuses.includes(code)) {
    report(`"${code}" is not a known status: taken as on sale`);
  }
  return code === 'offsale' || code === 'postponed';
}
