import { auditLog } from '../../src/analysis/audit/auditor.js';
import { CancelOrder, RefundOrder } from '../../src/commands/orders/cancel-order.js';
import { Pay } from '../../src/commands/orders/pay.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { HoldSeats, type HoldSeatsInput } from '../../src/commands/seats/hold-seats.js';
import { planSeatSchema } from '../../src/events/catalog-events.js';
import { addMs, type SeatId } from '../../src/events/ids.js';
import type { SeatFeatures } from '../../src/events/seat-features.js';
import { contradictions, heldSeats, readBooks } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { crashingStore, died, pausingStore } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  release,
  scheduleId,
  seat,
  seats,
  type TheatreOptions,
} from './theatre.js';

const holdTtlMs = 60_000;
const companionOf = seat('W-1');

/** A row of wheelchair places W-1 and W-2 with the companion's place C-1 of the first, and an ordinary and a blind seat. */
const sections: TheatreOptions['sections'] = [
  {
    sectionId: 'stalls',
    name: 'Stalls',
    rows: [
      {
        label: 'A',
        seats: Object.entries<SeatFeatures>({
          'W-1': { wheelchair: true },
          'C-1': { companionOf },
          'W-2': { wheelchair: true },
          'A-1': {},
          'V-1': { restrictedView: true },
        }).map(([seatId, features], x) =>
          planSeatSchema.parse({ seatId, number: seatId, category: 'R', x, y: 1, ...features }),
        ),
      },
    ],
  },
];

let side: CommandSide;
let mina: QueueToken;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side, { sections, sales: { holdTtlMs, seatLimitPerUser: 6 } });
  mina = await inside(side, 'mina', 1_000);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
  const report = await auditLog(side.store, { now: addMs(side.clock.now(), 0) });
  expect(report.findings).toEqual([]);
});

const pay = (...holdIds: { holdId: string }[]) => {
  const input = holdIds.length === 0 ? {} : { holdIds: holdIds.map(({ holdId }) => holdId) };
  return side.execute(new Pay(mina, input as Pay['input'], freshContext())); // ids that were answered before
};
const holdBest = (bestAvailable: Extract<HoldSeatsInput, { bestAvailable: unknown }>['bestAvailable']) =>
  side.execute(new HoldSeats(mina, scheduleId, { bestAvailable }, freshContext()));
const idsOf = async (held: Promise<{ seats: readonly { seatId: SeatId }[] }>) =>
  (await held).seats.map(({ seatId }) => seatId).sort();

describe('a companion’s place', () => {
  it('is held with its wheelchair place, in one request or two, and never without', async () => {
    expect(await outcomeOf(hold(side, mina, seats('C-1')))).toBe('companion-needs-wheelchair');
    expect(await outcomeOf(hold(side, mina, seats('C-1', 'W-2', 'A-1')))).toBe('companion-needs-wheelchair');
    expect(await heldSeats(side.store)).toEqual([]);
    const both = await hold(side, mina, seats('C-1', 'W-1'));
    expect(both.seats).toMatchObject([{ companionOf }, { wheelchair: true }]);
    await release(side, mina, both);
    await hold(side, mina, seats('W-1'));
    await hold(side, mina, seats('C-1'));
    expect((await heldSeats(side.store)).sort()).toEqual(['C-1', 'W-1']);
  });

  it('is refused to one fan while another has the wheelchair place', async () => {
    await hold(side, mina, seats('W-1'));
    const jun = await inside(side, 'jun');
    expect(await outcomeOf(hold(side, jun, seats('C-1')))).toBe('companion-needs-wheelchair');
  });

  it('is held no longer than its wheelchair place', async () => {
    const place = await hold(side, mina, seats('W-1'));
    side.clock.advance(holdTtlMs / 2);
    expect((await hold(side, mina, seats('C-1'))).expiresAt).toBe(place.expiresAt);
    side.clock.advance(holdTtlMs / 2);
    expect(await outcomeOf(hold(side, mina, seats('C-1')))).toBe('companion-needs-wheelchair');
  });

  it('is released with its wheelchair place, and the fan may hold both again', async () => {
    const place = await hold(side, mina, seats('W-1'));
    await hold(side, mina, seats('C-1', 'A-1'));
    await release(side, mina, place);
    expect(await heldSeats(side.store)).toEqual([]);
    await hold(side, mina, seats('W-1', 'C-1', 'A-1'));
  });

  it('may be released alone', async () => {
    await hold(side, mina, seats('W-1'));
    await release(side, mina, await hold(side, mina, seats('C-1')));
    expect(await heldSeats(side.store)).toEqual(['W-1']);
  });

  it('is released by a repeated release after a crash in the middle', async () => {
    const place = await hold(side, mina, seats('W-1'));
    await hold(side, mina, seats('C-1'));
    // The crash comes after SeatHoldReleased and SeatsReturned of the wheelchair place.
    const crashing = crashingStore(side.store, 1, 'after');
    expect(await died(release(restarted(side, crashing), mina, place))).toBe(true);
    expect(await heldSeats(side.store)).toEqual(['C-1']);
    await release(restarted(side), mina, place);
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it.each([0, 1, 2, 3])(
    'is not left alone when the wheelchair place is released at step %i of its hold',
    async (step) => {
      const place = await hold(side, mina, seats('W-1'));
      const { store, paused, goOn } = pausingStore(side.store, step, 'before');
      const holding = outcomeOf(hold(restarted(side, { store }), mina, seats('C-1')));
      await Promise.race([paused, holding]);
      await release(side, mina, place);
      goOn();
      await holding;
      expect(await heldSeats(side.store)).toEqual([]);
    },
  );

  it('is given back when the request for its wheelchair place loses another seat', async () => {
    const jun = await inside(side, 'jun');
    const { store, paused, goOn } = pausingStore(side.store, 1, 'before');
    // Mina's request has claimed A-1 and W-1, and takes A-1 first.
    const losing = outcomeOf(hold(restarted(side, { store }), mina, seats('W-1', 'A-1')));
    await paused;
    await hold(side, mina, seats('C-1'));
    await hold(side, jun, seats('A-1'));
    goOn();
    expect(await losing).toBe('seat-held');
    expect(await heldSeats(side.store)).toEqual(['A-1']);
  });
});

describe('an order', () => {
  it('pays for a companion’s place only together with its wheelchair place', async () => {
    await hold(side, mina, seats('W-1'));
    const beside = await hold(side, mina, seats('C-1'));
    expect(await outcomeOf(pay(beside))).toBe('companion-needs-wheelchair');
    const { order } = await pay();
    expect(order).toMatchObject({
      kind: 'paid',
      items: expect.arrayContaining([
        expect.objectContaining({ sold: expect.objectContaining({ wheelchair: true }) }),
        expect.objectContaining({ sold: expect.objectContaining({ companionOf }) }),
      ]),
    });
  });

  it('frees the companion’s place when only the wheelchair place is paid for', async () => {
    const place = await hold(side, mina, seats('W-1'));
    await hold(side, mina, seats('C-1'));
    expect((await pay(place)).order.kind).toBe('paid');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('gives a wheelchair place back only with or after its companion’s place, whoever asks', async () => {
    await hold(side, mina, seats('W-1', 'C-1', 'A-1'));
    const { order } = await pay();
    if (order.kind !== 'paid') throw new Error('it is not paid');
    const { orderId } = order;
    const items = (...names: string[]) => seats(...names).map((seatId) => ({ scheduleId, seatId }));
    const cancel = (...names: string[]) =>
      side.execute(new CancelOrder(mina.userId, orderId, items(...names), freshContext()));
    const refund = (...names: string[]) => {
      const which = { kind: 'items', items: items(...names) } as const;
      return side.execute(new RefundOrder({ orderId, which, cause: 'operator' }, freshContext()));
    };
    expect(await outcomeOf(cancel('W-1'))).toBe('companion-needs-wheelchair');
    expect(await outcomeOf(refund('W-1', 'A-1'))).toBe('companion-needs-wheelchair');
    await cancel('C-1');
    await refund('W-1');
    const left = [...(await readBooks(side.store)).seats].filter(([, { kind }]) => kind === 'reserved');
    expect(left.map(([stream]) => stream)).toEqual([`seat-${scheduleId}.A-1`]);
  });

  it('keeps both or none when both seats are given back at the same time, each alone', async () => {
    await hold(side, mina, seats('W-1', 'C-1', 'A-1'));
    const { order } = await pay();
    if (order.kind !== 'paid') throw new Error('it is not paid');
    const { orderId } = order;
    const cancel = (name: string) => {
      const items = [{ scheduleId, seatId: seat(name) }];
      return outcomeOf(
        side.execute(new CancelOrder(mina.userId, orderId, items, contextOf(`cancel ${name}`))),
      );
    };
    const [place, beside] = await Promise.all([cancel('W-1'), cancel('C-1')]);
    expect(place === 'companion-needs-wheelchair' || typeof place === 'object').toBe(true);
    expect(typeof beside).toBe('object');
  });
});

describe('the best available', () => {
  it('are ordinary seats unless the fan asks for a wheelchair place, with or without companions', async () => {
    expect(await idsOf(holdBest({ quantity: 1 }))).toEqual(['A-1']);
    expect(await outcomeOf(holdBest({ quantity: 1 }))).toBe('no-seats-available');
    expect(await idsOf(holdBest({ quantity: 2, access: 'wheelchair-and-companion' }))).toEqual([
      'C-1',
      'W-1',
    ]);
    expect(await idsOf(holdBest({ quantity: 1, access: 'wheelchair' }))).toEqual(['W-2']);
  });

  it('have a restricted view only if the fan accepts that, and the refusal says so', async () => {
    await holdBest({ quantity: 1 });
    await expect(holdBest({ quantity: 1 })).rejects.toThrow(/acceptRestrictedView/);
    const held = await holdBest({ quantity: 1, acceptRestrictedView: true });
    expect(held.seats).toMatchObject([{ seatId: 'V-1', restrictedView: true }]);
    await expect(holdBest({ quantity: 1 })).rejects.toThrow(/free: ask for fewer\.$/);
  });
});
