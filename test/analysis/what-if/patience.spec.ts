import { Patience } from '../../../src/analysis/what-if/behaviour.js';
import { Random } from '../../../src/platform/random.js';

const waited = (ms: number, left: boolean) => ({ ms, left });

function draws(patience: Patience, atLeastMs: number): Map<number, number> {
  const random = new Random(1);
  const counts = new Map<number, number>();
  for (let n = 0; n < 8_000; n++) {
    const ms = patience.draw(atLeastMs, random);
    counts.set(ms, (counts.get(ms) ?? 0) + 1 / 8_000);
  }
  return counts;
}

describe('the patience of a crowd', () => {
  it('is infinite where nobody ever left', () => {
    const patience = new Patience([waited(5, false), waited(9, false)]);
    expect([...draws(patience, 0)]).toEqual([[Number.POSITIVE_INFINITY, expect.closeTo(1)]]);
  });

  it('follows Kaplan and Meier: who was let in counts as long as they waited', () => {
    // Survival: 3/4 after 1; the one let in at 2 drops out of the risk; 3/8 after 3; the last one never left.
    const patience = new Patience([waited(1, true), waited(2, false), waited(3, true), waited(4, false)]);
    const counts = draws(patience, 0);
    expect(counts.get(1)).toBeCloseTo(0.25, 1);
    expect(counts.get(3)).toBeCloseTo(0.375, 1);
    expect(counts.get(Number.POSITIVE_INFINITY)).toBeCloseTo(0.375, 1);
  });

  it('is never shorter than what the fan is known to have waited', () => {
    const patience = new Patience([waited(1, true), waited(3, true), waited(4, false)]);
    expect([...draws(patience, 1).keys()].sort()).toEqual([3, Number.POSITIVE_INFINITY]);
    expect([...draws(patience, 3).keys()]).toEqual([Number.POSITIVE_INFINITY]);
  });
});
