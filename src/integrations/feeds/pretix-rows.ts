interface Point {
  readonly x: number;
  readonly y: number;
}

const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);

/** Distances from each seat to the next. */
function steps(seats: readonly Point[]): number[] {
  return seats.flatMap((seat, index) => {
    const next = seats[index + 1];
    return next === undefined ? [] : [distance(seat, next)];
  });
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The seats of a row in the order they stand, left to right (a row that runs away from the stage: top to
 * bottom). The feed's own order is kept when it already walks the row without going back: a row bent more than
 * a half circle has no other order. Else the seats are sorted across or down the plan, whichever walk is shorter.
 */
export function inStandingOrder<Seat extends Point>(seats: readonly Seat[]): Seat[] {
  const orders = [
    [...seats],
    [...seats].sort((a, b) => a.x - b.x || a.y - b.y),
    [...seats].sort((a, b) => a.y - b.y || a.x - b.x),
  ].map((order) => ({ order, length: sum(steps(order)) }));
  const best = orders.reduce((shortest, next) =>
    next.length < shortest.length - 1e-6 ? next : shortest,
  ).order;
  const [first, last] = [best[0], best.at(-1)];
  if (first === undefined || last === undefined) return best;
  const runsAcross = Math.abs(last.x - first.x) >= Math.abs(last.y - first.y);
  const backwards = runsAcross ? last.x < first.x : last.y < first.y;
  return backwards ? best.reverse() : best;
}

/** A step this many times the row's usual one is an aisle. */
const aisleFactor = 1.8;

/** Cuts a row, in standing order, at its aisles, so that seats next to each other in a part are neighbours. */
export function splitAtAisles<Seat extends Point>(seats: readonly Seat[]): Seat[][] {
  const gaps = steps(seats);
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const parts: Seat[][] = [];
  seats.forEach((seat, index) => {
    const gap = gaps[index - 1] ?? 0;
    const part = parts.at(-1);
    // Seats on one spot (usual step 0) have no aisles: any step would look like one.
    if (part === undefined || (usual > 0 && gap > usual * aisleFactor)) parts.push([seat]);
    else part.push(seat);
  });
  return parts;
}
