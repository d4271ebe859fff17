import type { Outcome } from '../../../src/analysis/what-if/outcome.js';
import { readDemand } from '../../../src/analysis/what-if/recording.js';
import { replay } from '../../../src/analysis/what-if/report.js';
import { instantSchema } from '../../../src/events/ids.js';
import { performanceId } from '../../commands/theatre.js';
import { recordedSale } from './recorded-sale.js';

const sales = {
  maxActive: 6,
  admitPerSecond: 2,
  holdTtlMs: 8_000,
  serviceWindowMs: 30_000,
  claimWindowMs: 10_000,
};

const brief = ({ fans, seatsSold, admitted, holds, lapsedHolds, bought, missedTurn, gaveUp }: Outcome) => ({
  fans,
  seatsSold,
  admitted,
  holds,
  lapsedHolds,
  bought,
  missedTurn,
  gaveUp,
});

describe('a recorded sale played again', () => {
  it('comes out as it happened when nobody competes for seats', async () => {
    const store = await recordedSale({ fans: 8, rush: 100, sales, seed: 5 });
    const report = replay(await readDemand(store, performanceId), { seed: 1, changes: {} });
    expect(report.recorded.seatsSold).toBeGreaterThanOrEqual(4);
    expect(brief(report.baseline)).toEqual(brief(report.recorded));
    expect(report.baseline.sold.at(-1)?.seats).toBe(report.recorded.seatsSold);
    expect(report.whatIf).toEqual(report.baseline);
  });

  // Each seed is another crowd of 30 after 20 seats, shuffled at the opening; a third of it finds nothing, and what
  // they would have done is drawn: the bounds are a tenth of the seats, and a quarter of the waiting.
  it.each([1, 2, 3])('comes out close to what happened in a rush (crowd %i)', async (seed) => {
    const opensAt = instantSchema.parse('2026-11-22T09:00:02.000Z');
    const store = await recordedSale({ fans: 30, rush: 60, sales: { ...sales, opensAt }, seed });
    const { recorded, baseline } = replay(await readDemand(store, performanceId), { seed: 1, changes: {} });
    expect(Math.abs(baseline.seatsSold - recorded.seatsSold)).toBeLessThanOrEqual(2);
    expect(Math.abs(baseline.lapsedHolds - recorded.lapsedHolds)).toBeLessThanOrEqual(4);
    expect(baseline.wait?.p50Ms).toBeGreaterThanOrEqual(0.75 * (recorded.wait?.p50Ms ?? 0));
    expect(baseline.wait?.p50Ms).toBeLessThanOrEqual(1.25 * (recorded.wait?.p50Ms ?? 0));
    expect([baseline.fans, baseline.admitted]).toEqual([recorded.fans, recorded.admitted]);
  });

  it('shows what a shorter hold and a slower door would have done', async () => {
    const demand = await readDemand(await recordedSale({ fans: 30, rush: 60, sales }), performanceId);
    const { baseline, whatIf } = replay(demand, {
      seed: 1,
      changes: { holdTtlMs: 4_000, admitPerSecond: 0.5 },
    });
    expect(whatIf.lapsedHolds).toBeGreaterThan(baseline.lapsedHolds);
    expect(whatIf.wait?.p50Ms).toBeGreaterThan(baseline.wait?.p50Ms ?? 0);
  });
});
