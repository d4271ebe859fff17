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

/** A finite number, also when it is written as text ("45.00"), or undefined. */
export function amountOf(value: unknown): number | undefined {
  const text = textOf(value);
  return text !== undefined && /^\d{1,15}(?:\.\d{1,6})?$/.test(text) ? Number(text) : numberOf(value);
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
