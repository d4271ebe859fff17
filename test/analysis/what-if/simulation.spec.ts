import type { Demand, Fan, Intent, SeatWish } from '../../../src/analysis/what-if/demand.js';
import { simulate } from '../../../src/analysis/what-if/simulation.js';
import type { SeatEvent } from '../../../src/events/seat-events.js';
import { Random } from '../../../src/platform/random.js';
import { demand, fan, hall, rules, scheduleId, seat, twoSeats } from './synthetic-demand.js';

const run = (of: Demand, change: Partial<typeof rules> = {}, seed = 1) =>
  simulate(of, { ...rules, ...change }, { seed });

/** A crowd that wants the same few seats, changes its mind, cancels, lets holds lapse, or does not come at all. */
function crowd(size: number): Fan[] {
  const random = new Random(42);
  return Array.from({ length: size }, (_, place) => {
    const tickets = 1 + random.below(3);
    const named: SeatWish = {
      scheduleId,
      kind: 'seats',
      seatIds: Array.from({ length: tickets }, (_, n) => seat(random.below(4), 3 * random.below(4) + n)),
    };
    const best: SeatWish = { scheduleId, kind: 'best-available', quantity: tickets, category: 'R' };
    const intents: Intent[] = [
      { kind: 'pay', afterMs: 20_000 + random.below(60_000), cancelAfterMs: null },
      { kind: 'pay', afterMs: 1_000, cancelAfterMs: 30_000 },
      { kind: 'release', afterMs: 3_000 },
      { kind: 'let-lapse' },
    ];
    const intent = intents[random.below(4)] ?? { kind: 'let-lapse' };
    const wish = { atMs: random.below(20_000), options: random.next() < 0.7 ? [named] : [best], intent };
    const joinedAtMs = random.below(30_000);
    if (random.next() < 0.1) return fan(place, joinedAtMs, [], { turn: { kind: 'absent' } });
    if (random.next() < 0.2) return fan(place, joinedAtMs, [], { turn: undefined });
    if (random.next() < 0.1)
      return fan(place, joinedAtMs, [wish], { waited: { ms: random.below(60_000), left: true } });
    return fan(place, joinedAtMs, [wish, { ...wish, atMs: wish.atMs + 10_000 }]);
  });
}

describe('a simulated sale', () => {
  it('takes the time that can be calculated by hand', () => {
    // Two at once every 200 ms would be ten a second; the pace is one a second, of which half a second may be made up for
    // at the beginning: the second fan comes in with the round at 600 ms. Each stays 16 s.
    const fans = [0, 1, 2].map((place) => fan(place, 0, [twoSeats(10_000)]));
    const outcome = run(demand(fans, hall(2, 10)), { maxActive: 2, admitPerSecond: 1 });
    expect(outcome).toMatchObject({ seatsSold: 6, bought: 3, admitted: 3, lapsedHolds: 0 });
    // The third comes in when the first has paid: 1 s to enter, 5 s to choose, 10 s to pay.
    expect(outcome.wait).toEqual({ p50Ms: 600, p95Ms: 16_000, maxMs: 16_000 });
    expect(outcome.lastSaleAfterMs).toBe(32_000);
    expect(outcome.sold.map(({ afterMs, seats }) => [afterMs, seats])).toEqual([
      [16_000, 2],
      [16_600, 4],
      [32_000, 6],
    ]);
  });

  it('never sells a seat twice and never more seats than there are', () => {
    const owners = new Map<string, 'held' | 'sold'>();
    const hear = ({ type, data }: SeatEvent) => {
      const before = owners.get(data.seatId);
      switch (type) {
        case 'SeatHeld':
          expect(before).toBeUndefined();
          owners.set(data.seatId, 'held');
          return;
        case 'SeatReserved':
          expect(before).toBe('held');
          owners.set(data.seatId, 'sold');
          return;
        default:
          owners.delete(data.seatId);
      }
    };
    const outcome = simulate(demand(crowd(400), hall(12, 12)), rules, { seed: 1, onSeatEvent: hear });
    const sold = [...owners.values()].filter((owner) => owner === 'sold').length;
    expect(outcome.seatsSold).toBe(sold);
    expect(outcome.seatsSold).toBeGreaterThan(40);
    expect(outcome.holds).toBeGreaterThan(100);
  });

  it('is the same for the same seed, and the crowd comes to the same number of fans for any', () => {
    const of = demand(crowd(300), hall(6, 12));
    expect(run(of, {}, 7)).toEqual(run(of, {}, 7));
    const [one, other] = [run(of, {}, 7), run(of, {}, 8)];
    expect(one).not.toEqual(other);
    for (const { fans, admitted, gaveUp, neverGotIn, bought, missedTurn, leftEmptyHanded } of [one, other]) {
      expect(admitted + gaveUp + neverGotIn).toBe(fans);
      expect(bought + missedTurn + leftEmptyHanded).toBe(admitted);
    }
  });

  it('never lets anybody wait longer when more are let in', () => {
    const fans = Array.from({ length: 200 }, (_, place) => fan(place, 50 * place, [twoSeats(10_000)]));
    const waits = [0.5, 1, 2, 5, 20].map(
      (admitPerSecond) => run(demand(fans, hall(10, 50)), { admitPerSecond }).wait,
    );
    for (const quantile of ['p50Ms', 'p95Ms', 'maxMs'] as const) {
      const series = waits.map((wait) => wait?.[quantile] ?? 0);
      expect(series).toEqual([...series].sort((a, b) => b - a));
      expect(series[0]).toBeGreaterThan(series.at(-1) ?? 0);
    }
    const rooms = [5, 20, 100].map(
      (maxActive) => run(demand(fans, hall(10, 50)), { maxActive }).wait?.p95Ms ?? 0,
    );
    expect(rooms).toEqual([...rooms].sort((a, b) => b - a));
  });

  it('lets holds lapse that are shorter than fans take to pay, to the millisecond', () => {
    const fans = Array.from({ length: 20 }, (_, place) => fan(place, 0, [twoSeats(30_000)]));
    const of = demand(fans, hall(4, 20));
    expect(run(of, { holdTtlMs: 30_001 })).toMatchObject({ lapsedHolds: 0, seatsSold: 40 });
    expect(run(of, { holdTtlMs: 30_000 })).toMatchObject({
      lapsedHolds: 20,
      seatsSold: 0,
      leftEmptyHanded: 20,
    });
  });

  it('ends at the last date and in a cut-off recording at its end, with those who wait left outside', () => {
    const fans = Array.from({ length: 20 }, (_, place) => fan(place, 0, [twoSeats(1_000)]));
    const outcome = run(demand(fans, hall(4, 20), { untilMs: 9_000 }), { admitPerSecond: 1 });
    expect(outcome).toMatchObject({ admitted: 10, neverGotIn: 10, bought: 3 });
  });

  it('gives a fan whose seats are gone others: of the category, then any, then fewer, then none', () => {
    const wants = (place: number, seatIds: readonly string[]) =>
      fan(place, 0, [
        { ...twoSeats(1_000), options: [{ scheduleId, kind: 'seats', seatIds: seatIds as never }] },
      ]);
    const held: string[] = [];
    const fans = [0, 1, 2, 3].map((place) => wants(place, ['0-0', '0-1']));
    const outcome = simulate(
      demand(fans, hall(2, 3)),
      { ...rules, admitPerSecond: 1 },
      { seed: 1, onSeatEvent: (event) => event.type === 'SeatHeld' && held.push(event.data.seatId) },
    );
    // Row 0 has three seats: two, then two of row 1, then one and one split, then nothing.
    expect(held.slice(0, 2)).toEqual(['0-0', '0-1']);
    expect(held.slice(2, 4).every((id) => id.startsWith('1-'))).toBe(true);
    expect(outcome).toMatchObject({ seatsSold: 6, bought: 3, leftEmptyHanded: 1 });
  });

  it('lets fans leave whose patience is shorter than the line', () => {
    const patient = Array.from({ length: 50 }, (_, place) =>
      fan(place, 0, [], { waited: { ms: 60_000, left: false } }),
    );
    const impatient = [10_000, 20_000].map((ms, n) => fan(50 + n, 0, [], { waited: { ms, left: true } }));
    const of = demand([...patient, ...impatient], hall(1, 2));
    expect(run(of, { admitPerSecond: 50, maxActive: 100 }).gaveUp).toBe(0);
    expect(run(of, { admitPerSecond: 1, maxActive: 100 }).gaveUp).toBe(2);
  });
});
