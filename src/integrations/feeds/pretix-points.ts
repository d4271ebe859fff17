import { numberOf, objectOf } from './json-values.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Coordinates beyond this are no seating plan; their sums would lose the fractions that keep seats apart. */
const furthest = 1e7;

/** `{x, y}` of two finite numbers no larger than ten million, or undefined. */
export function pointOf(value: unknown): Point | undefined {
  const { x, y } = objectOf(value);
  const [across, down] = [numberOf(x), numberOf(y)];
  if (across === undefined || down === undefined) return undefined;
  return Math.max(Math.abs(across), Math.abs(down)) > furthest ? undefined : { x: across, y: down };
}

/** A hundredth of a plan unit is finer than any screen shows, and keeps a plan's events small. */
export const roundCoordinate = (value: number): number => Math.round(value * 100) / 100;
