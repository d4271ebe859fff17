import type { Random } from '../../platform/random.js';
import type { SeatMap } from './replies.js';

/** Groups of seats a fan hesitates between: the fewer, the more fans want the very same seats. */
const shortlist = 12;

/**
 * Free seats side by side that a fan would like, nearest the focus first with some hesitation; undefined when
 * no row has that many left together.
 */
export function chooseSeats(map: SeatMap, quantity: number, random: Random): string[] | undefined {
  const groups: { readonly seatIds: string[]; readonly distance: number }[] = [];
  const focus = map.focus ?? { x: 0, y: 0 };
  for (const { rows } of map.sections) {
    for (const { seats } of rows) {
      for (let first = 0; first + quantity <= seats.length; first++) {
        const group = seats.slice(first, first + quantity);
        if (group.some((seat) => seat.status !== 'free')) continue;
        const distance = group.reduce((sum, seat) => sum + Math.hypot(seat.x - focus.x, seat.y - focus.y), 0);
        groups.push({ seatIds: group.map((seat) => seat.seatId), distance });
      }
    }
  }
  groups.sort((a, b) => a.distance - b.distance);
  return groups[random.below(Math.min(shortlist, groups.length))]?.seatIds;
}
