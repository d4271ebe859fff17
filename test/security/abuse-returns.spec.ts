/**
 * Handing a seat to a chosen account by giving it back or letting it lapse while the other one asks: OWASP API6:2023
 * (unrestricted access to sensitive business flows).
 */
import { CancelOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { ExpireHold } from '../../src/commands/seats/end-hold.js';
import type { SalesRules } from '../../src/events/catalog-events.js';
import { Chance } from '../../src/platform/chance.js';
import { contradictions, wholeLog } from '../commands/audit.js';
import { type CommandSide, createCommandSide } from '../commands/box-office.js';
import {
  charge,
  freshContext,
  hold,
  holdBest,
  inside,
  openTheatre,
  outcomeOf,
  release,
  scheduleId,
  seatPrice,
  seats,
} from '../commands/theatre.js';

const windowMs = 5_000;
/** A batch more than the window. */
const longestMs = windowMs + 1_000;

async function theatre(sales: Partial<SalesRules> = {}): Promise<CommandSide> {
  const side = createCommandSide();
  await openTheatre(side, { sales: { seatReturnWindowMs: windowMs, ...sales } });
  return side;
}

/** The first whole second, from now on, at which the fan gets the seat, ms from now. */
async function returnsAfter(side: CommandSide, ask: () => Promise<unknown>): Promise<number> {
  for (let waitedMs = 0; waitedMs <= longestMs; waitedMs += 250) {
    if (typeof (await outcomeOf(ask())) !== 'string') return waitedMs;
    side.clock.advance(250);
  }
  throw new Error('the seat never came back');
}

describe('a seat given to a chosen account (API6:2023)', () => {
  it('is not to be had at the moment of a release, a lapse or a cancelled order', async () => {
    const side = await theatre();
    const [scalper, friend] = [await inside(side, 'scalper', 10 * seatPrice), await inside(side, 'friend')];
    await release(side, scalper, await hold(side, scalper, seats('A-1')));
    expect(await outcomeOf(hold(side, friend, seats('A-1')))).toBe('seat-held');
    expect(await outcomeOf(hold(side, scalper, seats('A-1')))).toBe('seat-held');

    const lapsing = await hold(side, scalper, seats('A-2'));
    side.clock.moveTo(lapsing.expiresAt);
    expect(await outcomeOf(hold(side, friend, seats('A-2')))).toBe('seat-held');
    await side.execute(new ExpireHold(scalper.tokenId, lapsing.holdId, freshContext()));
    expect(await outcomeOf(hold(side, friend, seats('A-2')))).toBe('seat-held');

    await hold(side, scalper, seats('A-3'));
    const { order } = await side.execute(new Pay(scalper, {}, freshContext()));
    const cancel = new CancelOrder(scalper.userId, order.orderId, undefined, freshContext());
    await side.execute(cancel);
    expect(await outcomeOf(hold(side, friend, seats('A-3')))).toBe('seat-held');
    expect(await returnsAfter(side, () => hold(side, friend, seats('A-3')))).toBeLessThanOrEqual(longestMs);
    expect(await contradictions(side.store)).toEqual([]);
  });

  it('is not among the best free seats either, until it comes back for everybody', async () => {
    const side = await theatre();
    const [scalper, friend] = [await inside(side, 'scalper'), await inside(side, 'friend')];
    const best = await holdBest(side, scalper, 1);
    const [first] = best.seats;
    await release(side, scalper, best);
    expect((await holdBest(side, friend, 1)).seats).not.toEqual([first]);
    const taken = await side.models.takenSeats(scheduleId, side.clock.now());
    expect(first && taken.has(first.seatId)).toBe(true);
  });

  it('comes back with all others of a batch, at another time each time, within the stated time', async () => {
    const moments = new Set<number>();
    for (let n = 0; n < 12; n++) {
      const side = await theatre();
      const [scalper, friend] = [await inside(side, 'scalper'), await inside(side, 'friend')];
      await release(side, scalper, await hold(side, scalper, seats('A-1')));
      const waitedMs = await returnsAfter(side, () => hold(side, friend, seats('A-1')));
      moments.add(waitedMs);
    }
    // Of about six moments that are equally likely, twelve draws meet one alone with a chance of one in 10⁸.
    expect(moments.size).toBeGreaterThan(1);
    for (const waitedMs of moments) expect(waitedMs).toBeLessThanOrEqual(longestMs);
  });

  it('is not told by anything that the fan can read: every seat has a delay of its own', async () => {
    const side = await theatre();
    const scalper = await inside(side, 'scalper');
    const reply = await hold(side, scalper, seats('A-1', 'A-2', 'A-3', 'A-4'));
    const delays = (await wholeLog(side.store)).flatMap(({ type, data }) =>
      type === 'SeatHeld' ? [(data as { returnDelayMs?: number }).returnDelayMs] : [],
    );
    expect(delays).toHaveLength(4);
    expect(new Set(delays).size).toBeGreaterThan(1);
    expect(JSON.stringify(reply)).not.toMatch(/return|delay|available/i);
  });

  it('comes back at once, for all, when a request only lost another seat: it never had an owner to choose', async () => {
    const side = await theatre();
    const [one, other] = [await inside(side, 'one'), await inside(side, 'other')];
    const both = await Promise.allSettled([
      hold(side, one, seats('A-1', 'A-2')),
      hold(side, other, seats('A-1', 'A-2')),
    ]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await contradictions(side.store)).toEqual([]);
  });

  it('is drawn by a generator that nobody can predict, evenly over the window', () => {
    const chance = new Chance();
    const draws = Array.from({ length: 2_000 }, () => chance.below(10));
    expect(new Set(draws).size).toBe(10);
    expect(Math.min(...draws)).toBe(0);
    expect(Math.max(...draws)).toBe(9);
  });

  it('is kind to honest fans: who pays, or holds another seat, notices nothing', async () => {
    const side = await theatre();
    const honest = await inside(side, 'honest');
    await charge(side, honest.userId, 2 * seatPrice);
    await release(side, honest, await hold(side, honest, seats('A-1')));
    await hold(side, honest, seats('A-2'));
    expect((await side.execute(new Pay(honest, {}, freshContext()))).order.kind).toBe('paid');
  });
});
