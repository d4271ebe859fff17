/**
 * A secret that can be replaced while processes run: what is made now uses `current`, and what was made with `previous`
 * stays valid. At least 32 characters each.
 */
export interface RotatingSecret {
  readonly current: string;
  readonly previous?: string | undefined;
}

/** Its values, the current one first. */
export function valuesOf({ current, previous }: RotatingSecret): readonly string[] {
  return previous === undefined || previous === current ? [current] : [current, previous];
}
