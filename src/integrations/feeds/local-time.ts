import { type Instant, toInstant } from '../../events/ids.js';

/** What clocks in `timeZone` show at `ms`, as if it were UTC; undefined for an unknown zone. */
function wallClockMs(ms: number, timeZone: string): number | undefined {
  try {
    const parts = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }).formatToParts(ms);
    const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? '';
    const text = `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}Z`;
    return Date.parse(text);
  } catch {
    // Intl knows no other way to say that it does not know the zone.
    return undefined;
  }
}

/**
 * The moment at which clocks in `timeZone` (IANA) show `date` (YYYY-MM-DD) and `time` (HH:MM or HH:MM:SS).
 * A time that a clock change skips is read with the offset before the change.
 * @returns undefined when date, time or zone is not one
 */
export function instantOf(date: string, time: string, timeZone: string): Instant | undefined {
  if (!isDate(date) || !/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/.test(time)) return undefined;
  const wanted = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
  // The offset at the guess may differ from the offset at the answer, near a clock change: correct once more.
  let guess = wanted;
  for (let round = 0; round < 2; round++) {
    const shown = wallClockMs(guess, timeZone);
    if (shown === undefined || Number.isNaN(shown)) return undefined;
    guess += wanted - shown;
  }
  return toInstant(guess);
}

/** Whether `text` is a calendar date YYYY-MM-DD of the years 1000 to 8999. */
export function isDate(text: string): boolean {
  if (!/^[1-8]\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
