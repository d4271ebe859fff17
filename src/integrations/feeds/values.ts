import { type Instant, toInstant } from '../../events/ids.js';

/** Reading values of unknown shape from foreign feeds. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value` when it is an object, else an empty one. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** `value` when it is a list, else an empty one. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Trimmed text; undefined for blank text and other values. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' ? undefined : text;
}

/** Trimmed text of a text or a finite number: feeds write seat and row numbers as either. */
export function labelOf(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : textOf(value);
}

/** A finite number, or undefined. */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** How many list elements `value` holds at any depth; counting stops beyond `most`. */
export function elementsIn(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = Array.isArray(value) ? value.length : 0;
  for (const part of Object.values(value)) {
    if (count > most) return count;
    count += elementsIn(part, most - count);
  }
  return count;
}

/** How many of a currency's minor units make one unit: 100 for AUD, 1 for KRW (ISO 4217). */
export function minorUnits(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 100;
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  return 10 ** maximumFractionDigits;
}

const mostPoints = 1_000_000_000_000;

/** `amount` of a currency in whole points, or undefined when it is not a possible price. */
export function toPoints(amount: number, pointsPerUnit: number): number | undefined {
  const points = Math.round(amount * pointsPerUnit);
  return Number.isFinite(points) && points >= 0 && points <= mostPoints ? points : undefined;
}

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
    // Intl throws for an unknown zone.
    return undefined;
  }
}

/**
 * The moment at which clocks in `timeZone` (IANA) show `date` (YYYY-MM-DD) and `time` (HH:MM or HH:MM:SS).
 * A time that a clock change skips is read with the offset before the change.
 * @returns undefined when date, time or zone is invalid
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
