import type { SeatWish } from './demand.js';
import type { Seats } from './seats.js';

/**
 * What a fan tries one after the other: what they tried in the recording; as many of the best seats of the same
 * category; of any category; on the other dates; and at last fewer seats on the wanted date.
 */
export function* wishesInOrder(
  options: readonly SeatWish[],
  seats: Pick<Seats, 'categoryOf' | 'datesFrom'>,
  nowMs: number,
): Generator<SeatWish> {
  yield* options;
  const wanted = options.at(-1);
  if (!wanted) return;
  const { scheduleId } = wanted;
  const quantity = wanted.kind === 'seats' ? wanted.seatIds.length : wanted.quantity;
  const [first] = wanted.kind === 'seats' ? wanted.seatIds : [];
  const category = wanted.kind === 'seats' ? first && seats.categoryOf(scheduleId, first) : wanted.category;
  const best = { kind: 'best-available', quantity, category: undefined } as const;
  if (category !== undefined) yield { ...best, scheduleId, category };
  yield { ...best, scheduleId };
  for (const other of seats.datesFrom(nowMs)) {
    if (other !== scheduleId) yield { ...best, scheduleId: other };
  }
  for (let fewer = quantity - 1; fewer > 0; fewer--) yield { ...best, scheduleId, quantity: fewer };
}
