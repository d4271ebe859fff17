import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { HoldSeats } from '../../src/commands/seats/hold-seats.js';
import { contradictions, heldSeats } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { HookedStore, pausingStore } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  holdBest,
  inside,
  openTheatre,
  outcomeOf,
  release,
  scheduleId,
  seats,
  theatreDocument,
} from './theatre.js';

const holdTtlMs = 60_000;
let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sales: { holdTtlMs } });
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

describe('HoldSeats for the best available', () => {
  it('chooses again when a chosen seat is lost in between', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    let stolen = 0;
    const raced = restarted(side, {
      store: new HookedStore(side.store, {
        before: async (_, stream) => {
          if (!stream.startsWith('seat-') || stolen > 0) return;
          stolen++;
          await hold(side, jun, seats(stream.split('.')[1] ?? ''));
        },
      }),
    });
    const held = await holdBest(raced, mina, 2);
    expect(held.seats).toHaveLength(2);
    expect(await heldSeats(side.store)).toHaveLength(3);
  });

  it('finds a category in whichever Unicode form it is asked for', async () => {
    const document = theatreDocument({ sales: { holdTtlMs } });
    const [hall] = document.venues;
    const category = 'R석';
    const sections = hall?.sections.map((section) => ({
      ...section,
      rows: section.rows.map((row) => ({ ...row, seats: row.seats.map((one) => ({ ...one, category })) })),
    }));
    const renamed = theatreDocument({ sales: { holdTtlMs }, ...(sections ? { sections } : {}) });
    const performances = renamed.performances.map((one) => ({ ...one, prices: [{ category, price: 5 }] }));
    await side.execute(new ImportCatalog({ ...renamed, performances }, freshContext()));
    const mina = await inside(side, 'mina');
    for (const asked of [category, category.normalize('NFD')]) {
      const request = { bestAvailable: { quantity: 1, category: asked } };
      const held = await side.execute(new HoldSeats(mina, scheduleId, request, freshContext()));
      expect(held.seats).toMatchObject([{ category }]);
    }
  });

  it('repeats the same choice, and refuses to choose anew after its release', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('best');
    const first = await holdBest(side, mina, 2, context);
    const again = await holdBest(restarted(side), mina, 2, context);
    expect(again.holdId).toBe(first.holdId);
    await release(side, mina, first);
    expect(await outcomeOf(holdBest(side, mina, 2, context))).toBe('hold-ended');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('refuses to choose anew after the hold lapsed and somebody else took a seat', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const context = contextOf('best');
    const first = await holdBest(side, mina, 1, context);
    side.clock.advance(holdTtlMs);
    await hold(
      side,
      jun,
      first.seats.map(({ seatId }) => seatId),
    );
    expect(await outcomeOf(holdBest(side, mina, 1, context))).toBe('hold-ended');
    await side.execute(new LeaveQueue(mina, freshContext()));
  });

  it('takes no further seats when it is repeated during the checkout', async () => {
    const mina = await inside(side, 'mina', 1000);
    const context = contextOf('best');
    await holdBest(side, mina, 2, context);
    const { store, paused, goOn } = pausingStore(side.store, 2, 'after');
    const paying = restarted(side, { store }).execute(new Pay(mina, {}, freshContext()));
    await paused;
    expect(await outcomeOf(holdBest(side, mina, 2, context))).toBe('hold-ended');
    goOn();
    expect((await paying).order.kind).toBe('paid');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('is one hold of one choice when the same command runs twice and chooses differently', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const context = contextOf('best');
    const { store, paused, goOn } = pausingStore(side.store, 0, 'before');
    const slow = holdBest(restarted(side, { store }), mina, 1, context);
    await paused;
    const inTheWay = await holdBest(side, jun, 1);
    const fast = await holdBest(side, mina, 1, context);
    await release(side, jun, inTheWay);
    goOn();
    expect((await slow).seats).toEqual(fast.seats);
    expect(await heldSeats(side.store)).toEqual(fast.seats.map(({ seatId }) => seatId));
  });

  it('says so when fewer seats are free than asked for', async () => {
    const small = createCommandSide();
    await openTheatre(small, { rows: ['A'], seatsPerRow: 2 });
    const mina = await inside(small, 'mina');
    expect(await outcomeOf(holdBest(small, mina, 3))).toBe('no-seats-available');
  });
});
