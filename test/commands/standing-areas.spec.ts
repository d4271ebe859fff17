import { auditLog } from '../../src/analysis/audit/auditor.js';
import { ImportRefused } from '../../src/commands/catalog/check-import.js';
import { ImportCatalog, type ImportOptions } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import type { QueueToken } from '../../src/commands/queue/queue-admission.js';
import { HoldSeats } from '../../src/commands/seats/hold-seats.js';
import { type CatalogDocument, catalogDocumentSchema } from '../../src/domain/catalog-document.js';
import { addMs } from '../../src/events/ids.js';
import { contradictions, heldSeats, readBooks, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide } from './box-office.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  outcomeOf,
  release,
  scheduleId,
  seats,
  theatreDocument,
} from './theatre.js';

type Sections = CatalogDocument['venues'][number]['sections'];
type Area = { sectionId?: string; name?: string; capacity?: number };

/** The theatre with a standing area in front of its seats. */
function withArea({ sectionId = 'floor', name = 'Floor', capacity = 20 }: Area = {}): CatalogDocument {
  const area = { sectionId, name, standing: { category: 'Standing', capacity, x: 4.5, y: 0 } };
  return withSections((stalls) => [area, ...stalls]);
}

function withSections(change: (stalls: Sections) => readonly unknown[]): CatalogDocument {
  const document = theatreDocument({ sales: { seatLimitPerUser: 10 } });
  const [hall] = document.venues;
  const prices = [
    { category: 'Standing', price: 70 },
    { category: 'R', price: 100 },
  ];
  return catalogDocumentSchema.parse({
    ...document,
    venues: [{ ...hall, sections: change(hall?.sections ?? []) }],
    performances: document.performances.map((one) => ({ ...one, prices })),
  });
}

let side: CommandSide;
beforeEach(async () => {
  side = createCommandSide();
  await publish(withArea());
});
afterEach(async () => {
  expect(await contradictions(side.store)).toEqual([]);
});

const publish = (document: CatalogDocument, options: ImportOptions = {}) =>
  side.execute(new ImportCatalog(document, freshContext(), options));
const refusals = async (document: CatalogDocument, options: ImportOptions = {}) => {
  const before = (await wholeLog(side.store)).length;
  const error: unknown = await publish(document, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ImportRefused)) throw new Error('it was not refused', { cause: error });
  expect((await wholeLog(side.store)).length).toBe(before);
  return error.problems;
};
const holdPlaces = (fan: QueueToken, quantity: number, section = 'floor', context = freshContext()) =>
  side.execute(new HoldSeats(fan, scheduleId, { bestAvailable: { quantity, section } }, context));
const numbersOf = ({ seats: held }: { readonly seats: readonly { readonly number: string }[] }) =>
  held.map(({ number }) => Number(number));
const buyPlaces = async (name: string, quantity: number) => {
  const fan = await inside(side, name, 10_000);
  const held = await holdPlaces(fan, quantity);
  return { fan, held, ...(await side.execute(new Pay(fan, {}, freshContext()))) };
};
const findings = async () => {
  const report = await auditLog(side.store, { now: addMs(side.clock.now(), 3_600_000) });
  return report.findings.map(({ code }) => code);
};

describe('Places of a standing area', () => {
  it('are held by area and quantity, the lowest free entry numbers first', async () => {
    const anna = await inside(side, 'anna');
    const first = await holdPlaces(anna, 4);
    expect(first.seats).toMatchObject([
      { seatId: 'floor:1', sectionName: 'Floor', row: '', number: '1', category: 'Standing', price: 70 },
      { number: '2' },
      { number: '3' },
      { number: '4' },
    ]);
    const ben = await inside(side, 'ben');
    const second = await holdPlaces(ben, 3);
    expect(numbersOf(second)).toEqual([5, 6, 7]);
    await release(side, anna, first);
    expect(numbersOf(await holdPlaces(await inside(side, 'chris'), 6))).toEqual([1, 2, 3, 4, 8, 9]);
  });

  it('are the best available of their category', async () => {
    const anna = await inside(side, 'anna');
    const request = { bestAvailable: { quantity: 2, category: 'Standing' } };
    const held = await side.execute(new HoldSeats(anna, scheduleId, request, freshContext()));
    expect(numbersOf(held)).toEqual([1, 2]);
  });

  it('can be held by their ids', async () => {
    const held = await hold(side, await inside(side, 'anna'), seats('floor:17'));
    expect(held.seats).toMatchObject([{ row: '', number: '17' }]);
    expect(await outcomeOf(hold(side, await inside(side, 'ben'), seats('floor:21')))).toBe('seat-unknown');
  });

  it('are sold with what the ticket says', async () => {
    const { order, held } = await buyPlaces('anna', 2);
    expect(order.kind).toBe('paid');
    expect(held.total).toBe(140);
    const { orders } = await readBooks(side.store);
    const [sold] = [...orders.values()].flatMap((one) => ('items' in one ? one.items : []));
    expect(sold?.sold).toMatchObject({ sectionName: 'Floor', row: '', number: '1', category: 'Standing' });
    expect(await findings()).toEqual([]);
  });

  it('are no-seats-available when fewer are free, and an unknown section is named', async () => {
    await publish(withArea({ capacity: 3 }));
    await buyPlaces('anna', 2);
    const ben = await inside(side, 'ben');
    expect(await outcomeOf(holdPlaces(ben, 2))).toBe('no-seats-available');
    expect(await outcomeOf(holdPlaces(ben, 1, 'pit'))).toBe('seat-unknown');
    expect(numbersOf(await holdPlaces(ben, 1))).toEqual([3]);
  });

  it('are another request with the same key when another section is asked for', async () => {
    const anna = await inside(side, 'anna');
    const context = contextOf('places');
    const first = await holdPlaces(anna, 2, 'floor', context);
    expect((await holdPlaces(anna, 2, 'floor', context)).holdId).toBe(first.holdId);
    expect(await outcomeOf(holdPlaces(anna, 2, 'stalls', context))).toBe('idempotency-key-reused');
  });

  it.each(['current', 'behind'])(
    'go to 20 of 50 fans at once while the read models are %s',
    async (models) => {
      const fans: QueueToken[] = [];
      for (let n = 0; n < 50; n++) fans.push(await inside(side, `fan ${n}`));
      if (models === 'behind') jest.spyOn(side.models, 'takenSeats').mockResolvedValue(new Set());
      const outcomes = await Promise.all(fans.map((fan) => outcomeOf(holdPlaces(fan, 1))));
      const got = outcomes.flatMap((outcome) => (typeof outcome === 'string' ? [] : numbersOf(outcome)));
      expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      const refused = outcomes.filter((outcome) => typeof outcome === 'string');
      expect(new Set(refused)).toEqual(new Set(['no-seats-available']));
      expect(await heldSeats(side.store)).toHaveLength(20);
      // Every place was tried by one fan only: nobody lost a race.
      const types = (await wholeLog(side.store)).map(({ type }) => type);
      expect(types.filter((type) => type === 'SeatsReturned')).toEqual([]);
    },
  );

  it('that others give up while a fan waits for them go to that fan', async () => {
    await publish(withArea({ capacity: 2 }));
    const [anna, ben] = [await inside(side, 'anna'), await inside(side, 'ben')];
    // Anna may hold ten seats and has nine, so her attempt at two more is refused after they were chosen.
    await hold(side, anna, seats('A-1', 'A-2', 'A-3', 'A-4', 'A-5', 'A-6', 'A-7', 'A-8', 'A-9'));
    const [refused, held] = await Promise.all([outcomeOf(holdPlaces(anna, 2)), holdPlaces(ben, 2)]);
    expect(refused).toBe('seat-limit-reached');
    expect(numbersOf(held)).toEqual([1, 2]);
  });
});

describe('A plan with a standing area that is imported again', () => {
  it('appends nothing when it did not change, also with a new sectionId', async () => {
    await buyPlaces('anna', 2);
    const before = (await wholeLog(side.store)).length;
    await publish(withArea());
    await publish(withArea({ sectionId: 'zone-7' }));
    expect((await wholeLog(side.store)).length).toBe(before);
  });

  it('has more places when the capacity is raised', async () => {
    await buyPlaces('anna', 10);
    const { records } = await publish(withArea({ capacity: 25 }));
    expect(records[0]).toMatchObject({ kind: 'venue', outcome: 'revised', seats: 45 });
    await buyPlaces('ben', 10);
    expect(numbersOf((await buyPlaces('chris', 5)).held)).toEqual([21, 22, 23, 24, 25]);
    expect(await findings()).toEqual([]);
  });

  it('is refused when the capacity falls below a held or sold number, and names each', async () => {
    const { order } = await buyPlaces('anna', 4);
    const ben = await inside(side, 'ben');
    const held = await holdPlaces(ben, 1);
    for (const options of [{}, { acceptRenumbering: true }]) {
      const problems = await refusals(withArea({ capacity: 3 }), options);
      expect(problems.map(({ reason }) => reason)).toEqual([
        'is held or sold as "Floor · entry no. 4", which the plan no longer has: keep the standing area with a capacity of at least 4',
        'is held or sold as "Floor · entry no. 5", which the plan no longer has: keep the standing area with a capacity of at least 5',
      ]);
      expect(problems.map(({ record }) => record)).toEqual([
        expect.stringMatching(/seat "floor:4" of date .*, order /),
        expect.stringContaining(`hold ${held.holdId}`),
      ]);
    }
    expect(order.kind).toBe('paid');
    await publish(withArea({ capacity: 5 }));
    expect(await outcomeOf(holdPlaces(await inside(side, 'chris'), 1))).toBe('no-seats-available');
    await release(side, ben, held);
    expect(await findings()).toEqual([]);
  });

  it('is refused without the area while places of it are held or sold, and published when none is', async () => {
    const stallsOnly = withSections((stalls) => stalls);
    const fan = await inside(side, 'anna');
    const first = await holdPlaces(fan, 1);
    expect((await refusals(stallsOnly)).map(({ field }) => field)).toEqual(['standing']);
    await release(side, fan, first);
    await publish(stallsOnly);
    expect(await outcomeOf(holdPlaces(fan, 1))).toBe('seat-unknown');
  });

  it('is refused when it makes a standing area of a section with sold seats', async () => {
    const fan = await inside(side, 'anna');
    await hold(side, fan, seats('A-1'));
    const standing = { category: 'Standing', capacity: 50, x: 0, y: 0 };
    const problems = await refusals(withSections(() => [{ sectionId: 'stalls', name: 'Stalls', standing }]));
    expect(problems.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(
        /^is held or sold as "Stalls, row A, number 1".*a sectionId and a name of its own$/,
      ),
    ]);
  });

  it('is refused with another name while places are sold, unless the option accepts it', async () => {
    await buyPlaces('anna', 1);
    const renamed = withArea({ name: 'Pit' });
    expect((await refusals(renamed)).map(({ reason }) => reason)).toEqual([
      'is held or sold as "Floor · entry no. 1" and the plan calls it "Pit · entry no. 1"',
    ]);
    await publish(renamed, { acceptRenumbering: true });
    await buyPlaces('ben', 1);
    expect(await findings()).toEqual([]);
  });
});
