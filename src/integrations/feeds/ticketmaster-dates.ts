import { momentSchema } from '../../domain/catalog-document.js';
import type { Instant } from '../../events/ids.js';
import type { ProblemList } from './feed.js';
import { type JsonObject, objectOf, textOf } from './json-values.js';
import { instantOf, isDate } from './local-time.js';

export interface EventDates {
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

/** Why no one can be told when the event starts, though its day is known. */
function missingTime(start: JsonObject): string {
  if (start.timeTBA === true) return 'the time is to be announced';
  return start.noSpecificTime === true ? 'the event has no specific time' : 'no time can be told from it';
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
export function readDates(
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
