import { chooseSeats, planFan } from '../../../src/cli/demo/fan.js';
import { percentile, Tally } from '../../../src/cli/demo/summary.js';
import { Random } from '../../../src/platform/random.js';

describe('chance in the demo', () => {
  it('is the same for the same seed and fan, and another for others', () => {
    const draw = (seed: number, fan: number) => {
      const random = Random.ofFan(seed, fan);
      return Array.from({ length: 5 }, () => random.below(1_000_000));
    };
    expect(draw(1, 2)).toEqual(draw(1, 2));
    expect(draw(1, 2)).not.toEqual(draw(1, 3));
    expect(draw(1, 2)).not.toEqual(draw(2, 2));
  });

  it('gives every choice its weight', () => {
    const random = new Random(42);
    const counts = { often: 0, seldom: 0, never: 0 };
    for (let n = 0; n < 10_000; n++) {
      const choice = random.weighted([
        [90, 'often'],
        [10, 'seldom'],
        [0, 'never'],
      ] as const);
      if (choice) counts[choice]++;
    }
    expect(counts.often).toBeGreaterThan(8_700);
    expect(counts.seldom).toBeGreaterThan(700);
    expect(counts.never).toBe(0);
  });

  it('plans within the limit of seats', () => {
    const plans = Array.from({ length: 200 }, (_, n) => planFan(Random.ofFan(1, n), 2, 3));
    expect(new Set(plans.map((plan) => plan.tickets))).toEqual(new Set([1, 2]));
    expect(new Set(plans.map((plan) => plan.intent)).size).toBe(5);
    expect(Math.max(...plans.map((plan) => plan.firstDate))).toBe(2);
  });
});

describe('choosing seats', () => {
  const row = (y: number, statuses: readonly string[]) => ({
    seats: statuses.map((status, x) => ({ seatId: `${y}-${x}`, x, y, status })),
  });

  it('takes free seats side by side, near the focus', () => {
    const rows = [row(0, ['free', 'held', 'free', 'free']), row(9, ['free', 'free', 'free', 'free'])];
    const map = { sections: [{ rows }], focus: { x: 0, y: 0 } };
    const chosen = new Set(
      Array.from({ length: 50 }, (_, n) => chooseSeats(map, 2, new Random(n))?.join(' ')),
    );
    expect(chosen).toEqual(new Set(['0-2 0-3', '9-0 9-1', '9-1 9-2', '9-2 9-3']));
  });

  it('finds nothing when no row has that many together', () => {
    const rows = [row(0, ['free', 'reserved', 'free'])];
    expect(chooseSeats({ sections: [{ rows }], focus: null }, 2, new Random(1))).toBeUndefined();
  });
});

describe('the tally', () => {
  it('takes percentiles by nearest rank', () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2);
    expect(percentile([4, 1, 3, 2], 0.95)).toBe(4);
    expect(percentile([], 0.5)).toBeUndefined();
  });

  it('is surprised by refusals a fair on-sale does not bring', () => {
    const tally = new Tally();
    tally.refuse('seat-held', 'POST /holds', 'taken');
    expect([tally.conflicts, tally.surprises]).toEqual([1, []]);
    tally.refuse('internal', 'POST /holds', 'oops');
    expect(tally.surprises).toEqual(['POST /holds was refused: internal: oops']);
  });
});
