import type { Candidate, FeedOptions, ProblemList, RawFeed } from './feed.js';
import { isObject, type JsonObject, listOf, numberOf, objectOf, textOf } from './json-values.js';
import { readDates } from './ticketmaster-dates.js';
import { readPrices, readSales } from './ticketmaster-sales.js';

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

/** The feed's free texts, without those that say nothing (feeds fill required fields with "."). */
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
  // Events held elsewhere by choice need no venue of their own.
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

/** Says how many events stand on other pages, so that no one takes one page for all. */
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
