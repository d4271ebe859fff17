import type { Random } from '../../platform/random.js';

/** What a fan is going to do, decided before anything happens. */
export interface FanPlan {
  readonly tickets: number;
  readonly way: 'named seats' | 'best available';
  /** What the fan does with the seats once they are held. */
  readonly intent: 'pay' | 'pay and cancel' | 'release and choose again' | 'let the hold lapse' | 'leave';
  /** Which date is tried first. */
  readonly firstDate: number;
  /** The first card is declined, so another one is used. */
  readonly hasBadCard: boolean;
  /** Charges too little at first, and the rest when paying fails. */
  readonly isShort: boolean;
}

/**
 * @param seatLimit most tickets of one fan.
 * @param dates dates on sale; the first is the most popular.
 */
export function planFan(random: Random, seatLimit: number, dates: number): FanPlan {
  const tickets = random.weighted([
    [25, 1],
    [45, 2],
    [12, 3],
    [18, 4],
  ]);
  const way = random.weighted([
    [75, 'named seats'],
    [25, 'best available'],
  ] as const);
  const intent = random.weighted([
    [76, 'pay'],
    [6, 'pay and cancel'],
    [7, 'release and choose again'],
    [6, 'let the hold lapse'],
    [5, 'leave'],
  ] as const);
  return {
    tickets: Math.min(tickets ?? 1, seatLimit),
    way: way ?? 'named seats',
    intent: intent ?? 'pay',
    firstDate: random.next() < 0.7 ? 0 : random.below(Math.max(1, dates)),
    hasBadCard: random.next() < 0.05,
    isShort: random.next() < 0.05,
  };
}
