import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { LeaveQueue } from '../../src/commands/queue/enter-and-leave.js';
import { toInstant } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { bySize } from '../services/test-size.js';
import { contradictions, heldSeats, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { HookedStore, pausingAppends } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  queued,
  release,
  scheduleId,
  seat,
  seatPrice,
  seats,
  startsAt,
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

describe('HoldSeats', () => {
  it('holds named seats at their price until the deadline', async () => {
    const mina = await inside(side, 'mina');
    const held = await hold(side, mina, seats('A-1', 'A-2'));
    expect(held.total).toBe(2 * seatPrice);
    expect(Date.parse(held.expiresAt) - side.clock.nowMs()).toBe(holdTtlMs);
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
  });

  it('claims and takes all its seats in one go to the log, the claim first', async () => {
    const mina = await inside(side, 'mina');
    const inOrder = jest.spyOn(side.store, 'appendInOrder');
    await hold(side, mina, seats('A-2', 'A-1'));
    expect(inOrder.mock.calls.map(([appends]) => appends.map(({ stream }) => stream))).toEqual([
      [
        streams.token(mina.tokenId),
        streams.seat(scheduleId, seat('A-1')),
        streams.seat(scheduleId, seat('A-2')),
      ],
    ]);
  });

  it('takes the rest one by one when another fan had one of the seats for a moment', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const contested = streams.seat(scheduleId, seat('A-2'));
    let isFirst = true;
    const store = new HookedStore(side.store, {
      async before(_, stream) {
        if (stream !== contested || !isFirst) return;
        isFirst = false;
        await release(side, jun, await hold(side, jun, seats('A-2')));
      },
    });
    const held = await hold(restarted(side, { store }), mina, seats('A-1', 'A-2', 'A-3'));
    expect(held.seats).toHaveLength(3);
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2', 'A-3']);
  });

  it('needs a token that was admitted', async () => {
    const mina = await queued(side, 'mina');
    expect(await outcomeOf(hold(side, mina, seats('A-1')))).toBe('token-waiting');
  });

  it('refuses seats that do not exist, and dates that have begun', async () => {
    const mina = await inside(side, 'mina');
    expect(await outcomeOf(hold(side, mina, seats('Z-1')))).toBe('seat-unknown');
    side.clock.moveTo(toInstant(Date.parse(startsAt)));
    expect(await outcomeOf(hold(side, mina, seats('A-1')))).toBe('not-on-sale');
  });

  it('gives one seat to exactly one of many fans who come at once', async () => {
    const crowd = bySize(200, 1_000);
    const queueTokens = [];
    for (let n = 0; n < crowd; n++) queueTokens.push(await queued(side, `fan ${n}`));
    const opener = await inside(side, 'the last one');
    const outcomes = await Promise.all(
      [...queueTokens, opener].map((queueToken) => outcomeOf(hold(side, queueToken, seats('A-1')))),
    );
    const refusals = outcomes.filter((outcome) => typeof outcome === 'string');
    expect(refusals).toHaveLength(crowd);
    expect(new Set(refusals)).toEqual(new Set(['seat-held']));
    // The others write nothing to the seat that they all wanted.
    const written = await side.store.readStream(streams.seat(scheduleId, seat('A-1')));
    expect(written.map(({ type }) => type)).toEqual(['SeatHeld']);
  });

  it('takes all seats or none: a seat lost in the middle leaves nothing and costs no limit', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    // The rival takes A-2 when mina has claimed her limit (append 0) and taken A-1 (append 1).
    const raced = restarted(side, {
      store: new HookedStore(side.store, {
        after: async (index) => {
          if (index === 1) await hold(side, jun, seats('A-2'));
        },
      }),
    });
    expect(await outcomeOf(hold(raced, mina, seats('A-1', 'A-2', 'A-3')))).toBe('seat-held');
    expect(await heldSeats(side.store)).toEqual(['A-2']);
    await hold(side, mina, seats('B-1', 'B-2', 'B-3', 'B-4'));
  });

  it('lets one of two overlapping groups through when they race', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    const other = restarted(side);
    const outcomes = await Promise.all([
      outcomeOf(hold(side, mina, seats('A-1', 'A-2', 'A-3'))),
      outcomeOf(hold(other, jun, seats('A-3', 'A-2', 'A-1'))),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'seat-held')).toHaveLength(1);
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2', 'A-3']);
  });

  it('answers a repeated command with the same hold', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('once');
    const first = await hold(side, mina, seats('A-1', 'A-2'), context);
    side.clock.advance(1_000);
    const again = await hold(restarted(side), mina, seats('A-1', 'A-2'), context);
    expect(again).toMatchObject({ holdId: first.holdId, expiresAt: first.expiresAt, total: first.total });
  });

  it('answers a repeated command with the price it was held at, whatever the price list says now', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('once');
    await hold(side, mina, seats('A-1', 'A-2'), context);
    for (const price of [seatPrice + 50, null]) {
      const document = theatreDocument({ sales: { holdTtlMs } });
      const performances = document.performances.map((one) => ({
        ...one,
        prices: [{ category: 'R', price }],
      }));
      await side.execute(new ImportCatalog({ ...document, performances }, freshContext()));
      const again = await hold(restarted(side), mina, seats('A-1', 'A-2'), context);
      expect(again).toMatchObject({
        total: 2 * seatPrice,
        seats: [{ price: seatPrice }, { price: seatPrice }],
      });
    }
    expect(await outcomeOf(hold(side, mina, seats('A-3')))).toBe('seat-not-for-sale');
  });

  it('answers with the price at which another run of the command has taken the seat meanwhile', async () => {
    const mina = await inside(side, 'mina');
    const document = theatreDocument({ sales: { holdTtlMs } });
    const prices = [{ category: 'R', price: seatPrice + 50 }];
    const performances = document.performances.map((one) => ({ ...one, prices }));
    // The first process may sell by the former price list for a moment.
    await restarted(side).execute(new ImportCatalog({ ...document, performances }, freshContext()));
    const context = contextOf('once');
    const { store, paused, goOn } = pausingAppends(side.store, 'token-');
    const second = hold(restarted(side, { store }), mina, seats('A-1'), context);
    await paused;
    const first = await hold(side, mina, seats('A-1'), context);
    goOn();
    expect([first.total, (await second).total]).toEqual([seatPrice, seatPrice]);
  });

  it('refuses a taken seat before anything is written, and says whether it is sold or bought by the same fan', async () => {
    const [mina, jun] = [await inside(side, 'mina', 1_000), await inside(side, 'jun')];
    await hold(side, mina, seats('A-1', 'A-2'));
    await side.execute(new Pay({ ...mina }, {}, freshContext()));
    const again = await inside(side, 'mina');
    const length = (await wholeLog(side.store)).length;
    const refusal = (fan: typeof mina) => hold(side, fan, seats('A-3', 'A-1'));
    await expect(refusal(again)).rejects.toThrow('You have bought seat A-1 already');
    await expect(refusal(jun)).rejects.toThrow('Seat A-1 is sold');
    expect(await wholeLog(side.store)).toHaveLength(length);
  });

  it('tells a fan who asks for an own seat with another key which hold has it', async () => {
    const mina = await inside(side, 'mina');
    const { holdId } = await hold(side, mina, seats('A-1', 'A-2'));
    for (const asked of [seats('A-1', 'A-2'), seats('A-2', 'A-3')]) {
      const again = hold(restarted(side), mina, asked);
      const seatId = asked[0] === seat('A-1') ? 'A-1' : 'A-2';
      await expect(again).rejects.toMatchObject({
        rejection: {
          code: 'already-held',
          message: `You hold seat ${seatId} already: pay for hold ${holdId}, or release it first.`,
          details: { seatId, holdId },
        },
      });
    }
    expect(await heldSeats(side.store)).toEqual(['A-1', 'A-2']);
  });

  it('refuses a repeated command after the release instead of holding again', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('once');
    await release(side, mina, await hold(side, mina, seats('A-1'), context));
    expect(await outcomeOf(hold(side, mina, seats('A-1'), context))).toBe('hold-ended');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('refuses another request under the same command id', async () => {
    const mina = await inside(side, 'mina');
    const context = contextOf('once');
    await hold(side, mina, seats('A-1'), context);
    expect(await outcomeOf(hold(side, mina, seats('A-2'), context))).toBe('idempotency-key-reused');
    expect(await heldSeats(side.store)).toEqual(['A-1']);
  });

  it('caps the seats of one fan across concurrent requests', async () => {
    const mina = await inside(side, 'mina');
    const other = restarted(side);
    const outcomes = await Promise.all([
      outcomeOf(hold(side, mina, seats('A-1', 'A-2', 'A-3'))),
      outcomeOf(hold(other, mina, seats('B-1', 'B-2', 'B-3'))),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'seat-limit-reached')).toHaveLength(1);
    expect(await heldSeats(side.store)).toHaveLength(3);
  });

  it('does not count lapsed holds against the limit', async () => {
    const mina = await inside(side, 'mina');
    await hold(side, mina, seats('A-1', 'A-2', 'A-3', 'A-4'));
    side.clock.advance(holdTtlMs - 1);
    expect(await outcomeOf(hold(side, mina, seats('B-1')))).toBe('seat-limit-reached');
    side.clock.advance(1);
    await hold(side, mina, seats('B-1', 'B-2', 'B-3', 'B-4'));
    expect(await heldSeats(side.store)).toEqual(['B-1', 'B-2', 'B-3', 'B-4']);
  });

  it('takes over a lapsed seat exactly at its deadline', async () => {
    const [mina, jun] = [await inside(side, 'mina'), await inside(side, 'jun')];
    await hold(side, mina, seats('A-1'));
    side.clock.advance(holdTtlMs - 1);
    expect(await outcomeOf(hold(side, jun, seats('A-1')))).toBe('seat-held');
    side.clock.advance(1);
    const taken = await hold(side, jun, seats('A-1'));
    expect(taken.seats).toHaveLength(1);
    const events = await side.store.readStream(`seat-${scheduleId}.A-1`);
    expect(events.map(({ type }) => type)).toEqual(['SeatHeld', 'SeatHoldExpired', 'SeatHeld']);
    await side.execute(new LeaveQueue(mina, freshContext()));
  });
});
