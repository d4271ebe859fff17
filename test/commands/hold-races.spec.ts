import { Pay } from '../../src/commands/orders/pay.js';
import { contradictions, heldSeats } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died, pausingReads, pausingStore } from './crashing-store.js';
import { contextOf, freshContext, hold, inside, openTheatre, outcomeOf, release, seats } from './theatre.js';

const holdTtlMs = 60_000;
let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

describe('HoldSeats that crashes', () => {
  it('is whole or gone after a crash at any append and a retry', async () => {
    const tried = await atEveryAppend(async (crashAt, when) => {
      side = createCommandSide();
      await openTheatre(side);
      const mina = await inside(side, 'mina');
      const context = contextOf('crash');
      const { store, hasDied } = crashingStore(side.store, crashAt, when);
      const attempt = hold(restarted(side, { store }), mina, seats('A-1', 'A-2'), context);
      if (await died(attempt)) await hold(restarted(side), mina, seats('A-1', 'A-2'), context);
      expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
      expect(await contradictions(side.store)).toEqual([]);
      return hasDied();
    });
    expect(tried).toBe(6);
  });

  it('gives back what a crashed attempt had taken when the retry finds a seat gone', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const context = contextOf('crash');
    const { store } = crashingStore(side.store, 2, 'before');
    expect(await died(hold(restarted(side, { store }), mina, seats('A-1', 'A-2'), context))).toBe(true);
    await hold(side, jun, seats('A-2'));
    expect(await outcomeOf(hold(restarted(side), mina, seats('A-1', 'A-2'), context))).toBe('seat-held');
    expect(await heldSeats(side.store)).toEqual(['A-2']);
  });
});

describe('HoldSeats that runs twice at once', () => {
  it('never refuses one run because of seats that the other run has taken', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('double tap');
    const { store, paused, goOn } = pausingReads(side.store, 'seat-');
    // This run has seen no such hold yet; it looks at the seats only when the other one has them.
    const slow = hold(restarted(side, { store }), mina, seats('A-1', 'A-2'), context);
    await paused;
    const { holdId } = await hold(side, mina, seats('A-1', 'A-2'), context);
    goOn();
    expect((await slow).holdId).toBe(holdId);
  });
});

describe('HoldSeats beside other commands of the same fan', () => {
  it.each([0, 1, 2])(
    'leaves no seat behind when the turn completes while seats are taken (after append %i)',
    async (pauseAt) => {
      const mina = await inside(side, 'mina', 1000);
      const paidFor = await hold(side, mina, seats('B-1'));
      const { store, paused, goOn } = pausingStore(side.store, pauseAt, 'after');
      const slow = outcomeOf(hold(restarted(side, { store }), mina, seats('A-1', 'A-2')));
      await paused;
      await side.execute(new Pay(mina, { holdIds: [paidFor.holdId] }, freshContext()));
      goOn();
      expect(await slow).toBe('hold-ended');
      expect(await heldSeats(side.store)).toEqual([]);
    },
  );

  it.each([0, 1, 2])(
    'is whole or gone when the same command runs twice and one waits after append %i',
    async (pauseAt) => {
      const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
      const context = contextOf('twice');
      const { store, paused, goOn } = pausingStore(side.store, pauseAt, 'after');
      const slow = outcomeOf(hold(restarted(side, { store }), mina, seats('A-1', 'A-2', 'A-3'), context));
      await paused;
      const taken = await outcomeOf(hold(side, jun, seats('A-3')));
      const fast = await outcomeOf(hold(side, mina, seats('A-1', 'A-2', 'A-3'), context));
      if (typeof taken !== 'string') await release(side, jun, taken);
      goOn();
      expect([fast, await slow]).toEqual(['seat-held', 'hold-ended']);
      expect(await heldSeats(side.store)).toEqual([]);
    },
  );

  it('is refused when the turn completed while the last seat was taken', async () => {
    const mina = await inside(side, 'mina', 1000);
    const paidFor = await hold(side, mina, seats('B-1'));
    const holding = pausingStore(side.store, 1, 'after');
    const slow = outcomeOf(hold(restarted(side, holding), mina, seats('A-1')));
    await holding.paused;
    // OrderPlaced, PointsSpent, SeatReserved, OrderPaid, TokenCompleted; the other hold is given back after that.
    const paying = pausingStore(side.store, 4, 'after');
    const pay = restarted(side, paying).execute(new Pay(mina, { holdIds: [paidFor.holdId] }, freshContext()));
    await paying.paused;
    holding.goOn();
    expect(await slow).toBe('hold-ended');
    paying.goOn();
    expect((await pay).order.kind).toBe('paid');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('does not disturb a checkout that is under way when the hold is repeated', async () => {
    const mina = await inside(side, 'mina', 1000);
    const context = contextOf('once');
    await hold(side, mina, seats('A-1', 'A-2'), context);
    // The payment waits when it has placed the order, taken the points and reserved A-1.
    const { store, paused, goOn } = pausingStore(side.store, 2, 'after');
    const paying = restarted(side, { store }).execute(new Pay(mina, {}, freshContext()));
    await paused;
    expect(await outcomeOf(hold(side, mina, seats('A-1', 'A-2'), context))).toBe('hold-ended');
    goOn();
    expect((await paying).order.kind).toBe('paid');
  });
});
