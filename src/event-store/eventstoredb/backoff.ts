/**
 * How long to wait before the next try: doubling from `firstMs` to `mostMs`, of which a random half to whole, so
 * that many who failed together do not come back together.
 * @param failures Failures in a row, 1 or more.
 */
export function backoffMs(failures: number, firstMs: number, mostMs: number): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return whole * (0.5 + Math.random() / 2);
}
