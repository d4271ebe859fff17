import { z } from 'zod';
import { type Instant, toInstant } from './ids.js';

/** Local times: moments as the clocks of a time zone show them. */

/**
 * The IANA name of a time zone, such as `Asia/Seoul`. Only its form is checked here: a stored event must stay readable
 * with another release of the zone data. {@link isKnownTimeZone} says whether this build knows the zone.
 */
export const timeZoneSchema = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/,
    'must be the IANA name of a time zone, such as Asia/Seoul',
  )
  .max(64);

/** Clocks by zone; the zones of the world are some six hundred, whatever the feeds say. */
const clocks = new Map<string, Intl.DateTimeFormat>();
const maxClocks = 1000;

/** @returns undefined for a zone this build does not know */
function clockOf(timeZone: string): Intl.DateTimeFormat | undefined {
  const known = clocks.get(timeZone);
  if (known) return known;
  if (!timeZoneSchema.safeParse(timeZone).success) return undefined;
  try {
    const clock = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    if (clocks.size >= maxClocks) clocks.clear();
    clocks.set(timeZone, clock);
    return clock;
  } catch {
    // Intl throws for an unknown zone.
    return undefined;
  }
}

export const isKnownTimeZone = (timeZone: string): boolean => clockOf(timeZone) !== undefined;

/** What the clock shows at `ms`, as if it were UTC. */
function shownMs(clock: Intl.DateTimeFormat, ms: number): number {
  const fields = new Map(clock.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const field = (type: Intl.DateTimeFormatPartTypes) => fields.get(type) ?? Number.NaN;
  const wholeSeconds = Date.UTC(
    field('year'),
    field('month') - 1,
    field('day'),
    field('hour'),
    field('minute'),
    field('second'),
  );
  return wholeSeconds + (((ms % 1000) + 1000) % 1000);
}

/**
 * `instant` as the clocks in `timeZone` show it, with their offset: `2026-12-25T19:00:00+09:00`. In UTC when this build
 * does not know the zone.
 */
export function localTimeOf(instant: Instant, timeZone: string): string {
  const ms = Date.parse(instant);
  const clock = clockOf(timeZone);
  const shown = clock ? shownMs(clock, ms) : ms;
  const offsetMinutes = Math.round((shown - ms) / 60_000);
  const size = Math.abs(offsetMinutes);
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${new Date(shown).toISOString().slice(0, 19)}${offset}`;
}

/** Whether `text` is a calendar date YYYY-MM-DD of the years 1000 to 8999. */
export function isDate(text: string): boolean {
  if (!/^[1-8]\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

const dayMs = 86_400_000;

/** `skipped`: no clock shows this time, `repeated`: clocks show it twice, both on a night of a clock change. */
export type ClockChange = 'skipped' | 'repeated';

/**
 * The moment at which clocks in `timeZone` (IANA) show `date` (YYYY-MM-DD) and `time` (HH:MM or HH:MM:SS). A time that
 * a clock change skips or repeats is read with the offset before the change: 02:30 in an hour that is skipped is 03:30,
 * and of a repeated time the first is meant.
 * @returns undefined when date, time or zone is invalid
 */
export function atLocalTime(
  date: string,
  time: string,
  timeZone: string,
): { readonly instant: Instant; readonly change?: ClockChange } | undefined {
  if (!isDate(date) || !/^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/.test(time)) return undefined;
  const clock = clockOf(timeZone);
  if (!clock) return undefined;
  const wanted = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
  // The offsets a day earlier and a day later are those before and after a change that concerns this time.
  const [before, after] = [wanted - dayMs, wanted + dayMs].map((ms) => shownMs(clock, ms) - ms);
  if (before === undefined || after === undefined) return undefined;
  const showWanted = [wanted - before, wanted - after].filter((ms) => shownMs(clock, ms) === wanted);
  if (showWanted.length === 0) return { instant: toInstant(wanted - before), change: 'skipped' };
  const instant = toInstant(Math.min(...showWanted));
  return new Set(showWanted).size > 1 ? { instant, change: 'repeated' } : { instant };
}
