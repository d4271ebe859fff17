import type { SeatPlanReply } from '../../src/queries/replies/catalog.js';
import { seatsPerFan } from './story.js';

/** Two bits a seat (docs/read-models.md): a held seat may come back, a sold one or one without a price does not. */
const free = 0;
const held = 1;
/** How flat the preference is: the first so many pairs are wanted about equally. */
const flatness = 20;

/**
 * The seats of a plan in the order in which fans want them: row by row from the front. Everybody looks at the same plan, so
 * it is made once for all.
 */
export class SeatChoice {
  /** Indexes in the order of the plan, two neighbours each; a last odd one of a row alone. */
  readonly #groups: readonly (readonly number[])[];
  readonly #seatIds: readonly string[];

  constructor(plan: SeatPlanReply) {
    const rows = plan.sections.flatMap((section) => section.rows.map((row) => row.seats));
    let next = 0;
    const indexed = rows.map((seats) => seats.map((seat) => ({ ...seat, index: next++ })));
    this.#seatIds = rows.flatMap((seats) => seats.map(({ seatId }) => seatId));
    const fromFront = indexed.toSorted((a, b) => (a[0]?.y ?? 0) - (b[0]?.y ?? 0));
    this.#groups = fromFront.flatMap((seats) =>
      Array.from({ length: Math.ceil(seats.length / seatsPerFan) }, (_, n) =>
        seats.slice(n * seatsPerFan, (n + 1) * seatsPerFan).map(({ index }) => index),
      ),
    );
  }

  /**
   * Neighbours that are shown as free, those in front more often: the pair of rank r with a frequency in proportion to
   * 1 / (r + 20), a Zipf–Mandelbrot law. Single seats when no pair is free.
   * @param statuses of a seat status reply.
   * @returns no seats when none is shown as free.
   */
  choose(statuses: string): readonly string[] {
    const statusOf = statusesIn(statuses);
    const isFree = (index: number) => statusOf(index) === free;
    const shown = this.#groups.map((group) => group.filter(isFree)).filter((group) => group.length > 0);
    const pairs = shown.filter((group) => group.length === seatsPerFan);
    const wanted = pairs.length > 0 ? pairs : shown;
    const rank = flatness * ((wanted.length / flatness + 1) ** Math.random() - 1);
    const chosen = wanted[Math.min(Math.floor(rank), wanted.length - 1)] ?? [];
    return chosen.map((index) => this.#seatIds[index] ?? '');
  }

  /** Whether no seat is free or may become free soon. */
  isSoldOut(statuses: string): boolean {
    const statusOf = statusesIn(statuses);
    return this.#seatIds.every((_, index) => statusOf(index) !== free && statusOf(index) !== held);
  }
}

function statusesIn(encoded: string): (index: number) => number {
  const bytes = Buffer.from(encoded, 'base64');
  return (index) => ((bytes[index >> 2] ?? 0) >> ((index & 3) * 2)) & 3;
}
