import { auditLog } from '../../src/analysis/audit/auditor.js';
import { ImportRefused } from '../../src/commands/catalog/check-import.js';
import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import { findSeat, venueDecider } from '../../src/domain/catalog.js';
import type { CatalogDocument } from '../../src/domain/catalog-document.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { addMs } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { contradictions, heldSeats, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { died, Gate, HookedStore, pausingAppends, pausingReads } from './crashing-store.js';
import {
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  scheduleId,
  seat,
  seats,
  theatreDocument,
  venueId,
  withNewIds,
  withSeats,
} from './theatre.js';

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await openTheatre(side);
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
  const report = await auditLog(side.store, { now: addMs(side.clock.now(), 3_600_000) });
  // No process ends lapsed holds here.
  const findings = report.findings.filter(({ code }) => code !== 'hold-overdue');
  expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([]);
});

const run = (document: CatalogDocument, on = side) => on.execute(new ImportCatalog(document, freshContext()));
const pay = (fan: Awaited<ReturnType<typeof inside>>, on = side) =>
  on.execute(new Pay(fan, {}, freshContext()));
const withoutA1 = withSeats(({ seatId }) => (seatId === 'A-1' ? undefined : {}));
const swapped = withSeats(({ seatId, number }) => {
  const numbers: Record<string, string> = { 'A-1': '2', 'A-2': '1' };
  return { number: numbers[seatId] ?? number };
});
const oneIsTwo = withSeats(({ seatId }) => {
  if (seatId === 'A-1') return undefined;
  return seatId === 'A-2' ? { number: '1' } : {};
});
const plan = async () => {
  const { state } = await side.repository.load(venueDecider, streams.venue(venueId));
  return state;
};
const placeOfA1 = async () => findSeat(await plan(), seat('A-1'))?.number;

/** Runs an import in a process that does something else before its first change of the plan. */
async function importWhile(document: CatalogDocument, meanwhile: () => Promise<unknown>): Promise<unknown> {
  let isFirst = true;
  const before = async (_: number, stream: string) => {
    if (!isFirst || !stream.startsWith('venue-')) return;
    isFirst = false;
    await meanwhile();
  };
  const other = restarted(side, { store: new HookedStore(side.store, { before }) });
  return run(document, other).catch((error: unknown) => error);
}

describe('A seat taken between the check of an import and its publication', () => {
  it.each([
    ['drops the seat', withoutA1],
    ['gives it another place', swapped],
  ])('undoes and refuses an import that %s', async (_, document) => {
    const before = await plan();
    const anna = await inside(side, 'anna', 1_000);
    const error = await importWhile(document, () => hold(side, anna, seats('A-1')));
    if (!(error instanceof ImportRefused)) throw new Error('it was not refused', { cause: error });
    expect(error.problems).toEqual([
      expect.objectContaining({
        record: expect.stringMatching(/seat "A-1" of date .*, hold /),
        reason: expect.stringContaining('was taken while the plan was being imported'),
      }),
    ]);
    expect((await plan()).sections).toEqual(before.sections);
    const { order } = await pay(anna);
    expect(order.items.map(({ sold }) => sold?.number)).toEqual(['1']);
  });

  it('undoes and refuses an import that makes its standing area smaller', async () => {
    const floor = (capacity: number) => {
      const standing = { category: 'R', capacity, x: 0, y: 0 };
      return theatreDocument({ sections: [{ sectionId: 'floor', name: 'Floor', rows: [], standing }] });
    };
    await run(floor(20));
    const before = await plan();
    const anna = await inside(side, 'anna', 1_000);
    const error = await importWhile(floor(10), () => hold(side, anna, seats('floor:15')));
    expect(error).toBeInstanceOf(ImportRefused);
    expect((await plan()).sections).toEqual(before.sections);
    const { order } = await pay(anna);
    expect(order.items.map(({ sold }) => sold?.number)).toEqual(['15']);
    await run(floor(15));
  });

  it('is not sold while it is out of the plan', async () => {
    const anna = await inside(side, 'anna', 1_000);
    let outcome: unknown;
    jest.spyOn(side.models, 'takenSeats').mockImplementation(async () => new Set());
    const other = restarted(side, {
      store: new HookedStore(side.store, {
        before: async (_, stream) => {
          if (stream.startsWith('venue-') && outcome === undefined) {
            await hold(side, anna, seats('A-1'));
            outcome = 'held';
          }
        },
        after: async (_, stream) => {
          if (stream.startsWith('venue-') && outcome === 'held') outcome = await outcomeOf(pay(anna));
        },
      }),
    });
    await expect(run(withoutA1, other)).rejects.toThrow(ImportRefused);
    expect(outcome).toBe('seat-not-for-sale');
    expect((await pay(anna)).order.kind).toBe('paid');
  });

  it('is not dropped by a withdrawal that got no answer and is written later', async () => {
    const anna = await inside(side, 'anna', 1_000);
    let late: (() => Promise<unknown>) | undefined;
    class SlowStore extends HookedStore {
      override async append(...appended: Parameters<HookedStore['append']>) {
        if (late || !appended[0].startsWith('venue-')) return super.append(...appended);
        late = () => side.store.append(...appended);
        throw new StoreUnavailable('no answer');
      }
    }
    const slow = restarted(side, { store: new SlowStore(side.store, {}) });
    const imported = await run(withoutA1, slow).catch((error: unknown) => error);
    const isHeld = typeof (await outcomeOf(hold(side, anna, seats('A-1')))) !== 'string';
    if (isHeld) await pay(anna);
    await late?.().catch(() => undefined);
    expect([imported instanceof Error, await placeOfA1()]).toEqual([false, isHeld ? '1' : undefined]);
  });

  it('is left to the operator when no repetition of the withdrawal is answered', async () => {
    let tried = 0;
    const before = async (_: number, stream: string) => {
      if (!stream.startsWith('venue-')) return;
      tried++;
      throw new StoreUnavailable('no answer');
    };
    const other = restarted(side, { store: new HookedStore(side.store, { before }) });
    await expect(run(withoutA1, other)).rejects.toThrow(StoreUnavailable);
    expect(tried).toBe(4);
  });

  it('undoes the plans of all venues of the document', async () => {
    const [hall] = theatreDocument().venues;
    if (!hall) throw new Error('the theatre has a venue');
    const two = (document: CatalogDocument) => ({
      ...document,
      venues: [...document.venues, ...document.venues.map((venue) => ({ ...venue, id: 'annex' }))],
    });
    await run(two(theatreDocument()));
    const names = async () => (await wholeLog(side.store)).filter(({ type }) => type === 'SectionPublished');
    const anna = await inside(side, 'anna');
    const before = (await names()).length;
    await importWhile(two(withoutA1), () => hold(side, anna, seats('A-1')));
    // Each plan lost the seat and has it again.
    expect((await names()).length).toBe(before + 4);
  });
});

describe('A hold on a plan that was replaced', () => {
  it.each([
    ['dropped', withoutA1],
    ['given another place', swapped],
  ])('is refused by a process that does not know it yet, when the seat was %s', async (_, document) => {
    const late = restarted(side, { settings: { catalogMaxAgeMs: 3_600_000 } });
    const anna = await inside(late, 'anna', 1_000);
    await hold(late, anna, seats('B-1'));
    await run(document);
    expect(await outcomeOf(hold(late, anna, seats('A-1')))).toBe('seat-not-for-sale');
    expect(await heldSeats(side.store)).toEqual(['B-1']);
    expect((await pay(anna, late)).order.items.map(({ seatId }) => seatId)).toEqual(['B-1']);
  });

  it('cannot be paid for in such a process when it died after it had taken the seat', async () => {
    let isDying = false;
    const after = (_: number, stream: string) => {
      if (isDying && stream.startsWith('seat-')) throw new StoreUnavailable('the process died here');
    };
    const store = new HookedStore(side.store, { after });
    const late = restarted(side, { store, settings: { catalogMaxAgeMs: 3_600_000 } });
    const anna = await inside(late, 'anna', 1_000);
    await hold(late, anna, seats('B-1'));
    await run(withoutA1);
    isDying = true;
    expect(await died(hold(late, anna, seats('A-1')))).toBe(true);
    expect(await heldSeats(side.store)).toEqual(['B-1', 'A-1']);
    expect(await outcomeOf(pay(anna, late))).toBe('seat-not-for-sale');
  });

  it('is refused when the plan is replaced while the seat is being taken', async () => {
    const anna = await inside(side, 'anna', 1_000);
    const { store, paused, goOn } = pausingAppends(side.store, 'seat-');
    const holding = outcomeOf(hold(restarted(side, { store }), anna, seats('A-1')));
    await paused;
    await run(withoutA1);
    goOn();
    expect(await holding).toBe('seat-not-for-sale');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('is refused when the date moves to another hall while the seat is being taken', async () => {
    const anna = await inside(side, 'anna', 1_000);
    const { store, paused, goOn } = pausingAppends(side.store, 'seat-');
    const holding = outcomeOf(hold(restarted(side, { store }), anna, seats('A-1')));
    await paused;
    const document = theatreDocument();
    const venues = document.venues.map((venue) => ({ ...venue, id: 'annex' }));
    const performances = document.performances.map((one) => ({ ...one, venue: 'annex', venueId: undefined }));
    await run({ ...document, venues, performances });
    goOn();
    expect(await holding).toBe('seat-not-for-sale');
    expect(await heldSeats(side.store)).toEqual([]);
  });

  it('cannot be paid for when the payment overtakes the hold', async () => {
    const anna = await inside(side, 'anna', 1_000);
    const [taking, taken] = [new Gate(), new Gate()];
    const ofSeat = (gate: Gate) => (_: number, stream: string) =>
      stream.startsWith('seat-') ? gate.pass() : undefined;
    const slow = new HookedStore(side.store, { before: ofSeat(taking), after: ofSeat(taken) });
    const holding = outcomeOf(hold(restarted(side, { store: slow }), anna, seats('A-1')));
    await taking.paused;
    const { store, paused, goOn } = pausingReads(side.store, 'seat-');
    const paying = outcomeOf(pay(anna, restarted(side, { store })));
    await paused;
    await run(withoutA1);
    taking.open();
    await taken.paused;
    goOn();
    expect(await paying).toBe('seat-not-for-sale');
    taken.open();
    expect(await holding).toBe('seat-not-for-sale');
    expect(await heldSeats(side.store)).toEqual([]);
  });
});

describe('A place that was dropped', () => {
  it('is the seat it was when it comes back under another id', async () => {
    await run(withSeats((_, row) => (row === 'B' ? undefined : {})));
    const report = await run(withNewIds('export'));
    expect(report.matchedSeats.filter(({ row }) => row === 'B')).toHaveLength(10);
    const anna = await inside(side, 'anna', 1_000);
    expect(await outcomeOf(hold(side, anna, seats('export-B-1')))).toBe('seat-unknown');
    await hold(side, anna, seats('B-1'));
  });

  describe('while it was sold, by an earlier build', () => {
    beforeEach(async () => {
      const anna = await inside(side, 'anna', 1_000);
      await hold(side, anna, seats('A-1'));
      await pay(anna);
      const [section] = withoutA1.venues.flatMap(({ sections }) => sections);
      if (!section) throw new Error('the theatre has a section');
      const publish = { kind: 'publish-section', venueId, section } as const;
      await side.deciders.executeOrThrow(venueDecider, streams.venue(venueId), publish, freshContext());
    });
    // The audit wants every sold seat in the plan.
    afterEach(() => run(theatreDocument()));

    it('is not sold again under another id', async () => {
      await run(withNewIds('export'));
      const ben = await inside(side, 'ben', 1_000);
      expect(await outcomeOf(hold(side, ben, seats('export-A-1')))).toBe('seat-unknown');
      expect(await outcomeOf(hold(side, ben, seats('A-1')))).toBe('seat-reserved');
    });

    it.each([
      ['comes back at another place', swapped],
      ['has its place given to another seat', oneIsTwo],
    ])('refuses a plan in which it %s', async (_, document) => {
      await expect(run(document)).rejects.toThrow(/is held or sold as "Stalls, row A, number 1"/);
      expect(await placeOfA1()).toBeUndefined();
    });
  });
});

it('a hold that has just lapsed still counts, as its payment may be under way', async () => {
  const anna = await inside(side, 'anna', 1_000);
  const { expiresAt } = await hold(side, anna, seats('A-1'));
  side.clock.moveTo(expiresAt);
  expect((await run(withoutA1)).keptSeats).toEqual([{ venueId, scheduleId, seatId: 'A-1' }]);
  side.clock.advance(60_000);
  expect((await run(withoutA1)).keptSeats).toEqual([]);
});
