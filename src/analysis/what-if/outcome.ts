/** How an on-sale went, recorded or simulated. Times in milliseconds. */
export interface Outcome {
  readonly fans: number;
  readonly seatsForSale: number;
  /** Seats sold at the end: paid for and not cancelled. */
  readonly seatsSold: number;
  /** From the opening to the last sale; null: nothing was sold. */
  readonly lastSaleAfterMs: number | null;
  /** Fans who were admitted. */
  readonly admitted: number;
  /** Waiting times of admitted fans, from joining or the opening, whichever was later; null: nobody was admitted. */
  readonly wait: { readonly p50Ms: number; readonly p95Ms: number; readonly maxMs: number } | null;
  readonly holds: number;
  readonly lapsedHolds: number;
  /** Left the queue before admission. */
  readonly gaveUp: number;
  /** Still in the queue at the end. */
  readonly neverGotIn: number;
  /** Admitted, but did not enter in time. */
  readonly missedTurn: number;
  /** Entered, but bought nothing. */
  readonly leftEmptyHanded: number;
  /** Bought at least one seat. */
  readonly bought: number;
  /** Seats sold over time, from the opening; a bounded number of points. */
  readonly sold: readonly SoldPoint[];
}

export interface SoldPoint {
  readonly afterMs: number;
  readonly seats: number;
}

/** Points kept of a curve: more cannot be told apart on a screen. */
const maxPoints = 240;

/** Counts what happens in an on-sale. */
export class Tally {
  readonly #waitsMs: number[] = [];
  readonly #changes: SoldPoint[] = [];
  #seats = 0;
  #lastSaleAfterMs: number | null = null;
  holds = 0;
  lapsedHolds = 0;
  gaveUp = 0;
  missedTurn = 0;
  bought = 0;

  constructor(private readonly openedAtMs: number) {}

  admit(joinedAtMs: number, admittedAtMs: number): void {
    this.#waitsMs.push(Math.max(0, admittedAtMs - Math.max(joinedAtMs, this.openedAtMs)));
  }

  /** @param seats negative when an order was cancelled. */
  sell(seats: number, atMs: number): void {
    const afterMs = Math.max(0, atMs - this.openedAtMs);
    this.#seats += seats;
    if (seats > 0) this.#lastSaleAfterMs = afterMs;
    const last = this.#changes.at(-1);
    if (last && last.afterMs === afterMs)
      this.#changes[this.#changes.length - 1] = { afterMs, seats: this.#seats };
    else this.#changes.push({ afterMs, seats: this.#seats });
  }

  outcome(fans: number, seatsForSale: number): Outcome {
    const waits = this.#waitsMs.sort((a, b) => a - b);
    const admitted = waits.length;
    return {
      fans,
      seatsForSale,
      seatsSold: this.#seats,
      lastSaleAfterMs: this.#lastSaleAfterMs,
      admitted,
      wait:
        admitted === 0
          ? null
          : { p50Ms: quantile(waits, 0.5), p95Ms: quantile(waits, 0.95), maxMs: quantile(waits, 1) },
      holds: this.holds,
      lapsedHolds: this.lapsedHolds,
      gaveUp: this.gaveUp,
      neverGotIn: fans - admitted - this.gaveUp,
      missedTurn: this.missedTurn,
      leftEmptyHanded: admitted - this.missedTurn - this.bought,
      bought: this.bought,
      sold: thinned(this.#changes),
    };
  }
}

/** The nearest-rank quantile of sorted numbers. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Evenly chosen points of a curve, always with the first and the last. */
function thinned(points: readonly SoldPoint[]): SoldPoint[] {
  if (points.length <= maxPoints) return [...points];
  const step = (points.length - 1) / (maxPoints - 1);
  return Array.from({ length: maxPoints }, (_, n) => points[Math.round(n * step)]).filter(
    (point) => point !== undefined,
  );
}
