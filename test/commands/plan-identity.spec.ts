import { auditLog } from '../../src/analysis/audit/auditor.js';
import { ImportRefused } from '../../src/commands/catalog/check-import.js';
import { ImportCatalog, type ImportOptions } from '../../src/commands/catalog/import-catalog.js';
import { Pay } from '../../src/commands/orders/pay.js';
import type { CatalogDocument } from '../../src/domain/catalog-document.js';
import { StoreUnavailable } from '../../src/event-store/port.js';
import { addMs } from '../../src/events/ids.js';
import { contradictions, heldSeats, wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { died, HookedStore } from './crashing-store.js';
import {
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  seats,
  theatreDocument,
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
});

const run = (document: CatalogDocument, options: ImportOptions = {}) =>
  side.execute(new ImportCatalog(document, freshContext(), options));
const refusals = async (document: CatalogDocument, options: ImportOptions = {}) => {
  const before = (await wholeLog(side.store)).length;
  const error: unknown = await run(document, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ImportRefused)) throw new Error('it was not refused', { cause: error });
  expect((await wholeLog(side.store)).length).toBe(before);
  return error.problems;
};
const buy = async (name: string, ...ids: string[]) => {
  const fan = await inside(side, name, 10_000);
  await hold(side, fan, seats(...ids));
  return { fan, ...(await side.execute(new Pay(fan, {}, freshContext()))) };
};
const findings = async () => {
  const report = await auditLog(side.store, { now: addMs(side.clock.now(), 3_600_000) });
  return report.findings.map(({ code }) => code);
};

describe('A plan whose seat ids changed and whose places did not', () => {
  it('keeps the known ids, says so, and sells no place twice', async () => {
    await buy('anna', 'A-1');
    const before = (await wholeLog(side.store)).length;
    const report = await run(withNewIds('guid'));
    expect(report.matchedSeats).toHaveLength(20);
    expect(report.matchedSeats[0]).toMatchObject({
      feedId: 'guid-A-1',
      seatId: 'A-1',
      row: 'A',
      number: '1',
    });
    expect(report.keptSeats).toEqual([]);
    expect((await wholeLog(side.store)).length).toBe(before);
    const ben = await inside(side, 'ben', 1_000);
    expect(await outcomeOf(hold(side, ben, seats('guid-A-1')))).toBe('seat-unknown');
    expect(await outcomeOf(hold(side, ben, seats('A-1')))).toBe('seat-reserved');
    expect(await findings()).toEqual([]);
  });

  it('keeps the section, too, when its id changed', async () => {
    const before = (await wholeLog(side.store)).length;
    const document = withNewIds('guid');
    const venues = document.venues.map((venue) => ({
      ...venue,
      sections: venue.sections.map((section) => ({ ...section, sectionId: 'zone-7' })),
    }));
    await run({ ...document, venues });
    expect((await wholeLog(side.store)).length).toBe(before);
  });
});

describe('A plan that calls seats differently', () => {
  const swapped = withSeats(({ number }, row) =>
    row === 'A' && (number === '1' || number === '2') ? { number: number === '1' ? '2' : '1' } : {},
  );

  it('is refused with each held or sold seat, before anything is published', async () => {
    const { order } = await buy('anna', 'A-1');
    const mina = await inside(side, 'mina');
    const { holdId } = await hold(side, mina, seats('A-2'));
    const problems = await refusals(swapped);
    expect(problems.map(({ record }) => record)).toEqual([
      expect.stringMatching(/seat "A-1" of date .*, order /),
      expect.stringContaining(`hold ${holdId}`),
    ]);
    expect(problems[0]?.reason).toContain('is held or sold as "Stalls, row A, number 1"');
    expect(order.kind).toBe('paid');
  });

  it('is published when no seat concerned is held or sold', async () => {
    await buy('anna', 'B-1');
    await run(swapped);
    await buy('ben', 'A-1');
    expect(await findings()).toEqual([]);
  });

  it('is published with the option, which lists the tickets; what they say is not sold again', async () => {
    await buy('anna', 'A-1');
    const report = await run(swapped, { acceptRenumbering: true });
    expect(report.problems.filter(({ field }) => field === 'number')).toEqual([
      expect.objectContaining({ effect: 'changed', record: expect.stringContaining('seat "A-1"') }),
    ]);
    await buy('ben', 'A-2');
    expect(await findings()).toEqual([]);
  });

  it('is refused even then when it gives a sold place to another seat', async () => {
    await buy('anna', 'A-1');
    // A-1 is gone, and A-2 is called what A-1 was.
    const document = withSeats((one, row) => {
      if (row !== 'A') return {};
      return one.seatId === 'A-1' ? undefined : { number: `${Number(one.number) - 1}` };
    });
    const problems = await refusals(document, { acceptRenumbering: true });
    expect(problems.map(({ reason }) => reason)).toEqual([
      'is held or sold as "Stalls, row A, number 1", which the plan gives to another seat: "A-2"',
    ]);
  });
});

describe('A date that moves to another hall', () => {
  const moved = (): CatalogDocument => {
    const document = withNewIds('big');
    const big = document.venues.map((venue) => ({ ...venue, id: 'big' }));
    return {
      ...document,
      venues: big,
      performances: document.performances.map((one) => ({ ...one, venue: 'big', venueId: undefined })),
    };
  };

  it('is refused while seats are held or sold, with the list', async () => {
    await buy('anna', 'A-1');
    await hold(side, await inside(side, 'chris'), seats('A-2'));
    const problems = await refusals(moved());
    expect(problems.map(({ reason }) => reason.slice(0, 7))).toEqual(['is sold', 'is held']);
    expect(problems[0]?.record).toMatch(/Stalls, row A, number 1, order /);
  });

  it('moves with the option: holds end, tickets may be given back, and the audit finds nothing', async () => {
    const { order } = await buy('anna', 'A-1');
    const chris = await inside(side, 'chris', 1_000);
    await hold(side, chris, seats('A-2'));
    const report = await run(moved(), { acceptHallChange: true });
    expect(report.problems.filter(({ field }) => field === 'venue')).toHaveLength(2);
    expect(await outcomeOf(side.execute(new Pay(chris, {}, freshContext())))).toBe('nothing-to-pay');
    const ben = await inside(side, 'ben', 1_000);
    expect(await outcomeOf(hold(side, ben, seats('A-3')))).toBe('seat-unknown');
    await hold(side, ben, seats('big-A-1'));
    await side.execute(new Pay(ben, {}, freshContext()));
    const opened = (await wholeLog(side.store)).filter(({ type }) => type === 'RefundWindowOpened');
    expect(opened.map(({ data }) => (data as { cause: string }).cause)).toEqual(['hall-changed']);
    expect(await findings()).toEqual([]);
    expect(order.kind).toBe('paid');
  });

  it('ends its holds also while the read models do not know of them', async () => {
    const chris = await inside(side, 'chris', 1_000);
    await hold(side, chris, seats('A-2'));
    side.models.isCaughtUp = false;
    jest.spyOn(side.models, 'ownedSeats').mockResolvedValue([]);
    jest.spyOn(side.models, 'takenSeats').mockResolvedValue(new Set());
    await run(moved(), { acceptHallChange: true });
    expect(await outcomeOf(side.execute(new Pay(chris, {}, freshContext())))).toBe('nothing-to-pay');
  });

  it('ends holds that came in between when the import is repeated after a crash', async () => {
    await hold(side, await inside(side, 'chris'), seats('A-2'));
    const ben = await inside(side, 'ben', 1_000);
    const appends: string[] = [];
    const isMoving = (stream: string) =>
      stream.startsWith('schedule-') && appends.filter((one) => one.startsWith('schedule-')).length === 2;
    const store = new HookedStore(side.store, {
      async before(_, stream) {
        appends.push(stream);
        if (isMoving(stream)) await hold(side, ben, seats('A-3'));
      },
      after(_, stream) {
        if (isMoving(stream)) throw new StoreUnavailable('the process died here');
      },
    });
    const dying = restarted(side, { store });
    const options = { acceptHallChange: true };
    expect(await died(dying.execute(new ImportCatalog(moved(), freshContext(), options)))).toBe(true);
    expect(await heldSeats(side.store)).toHaveLength(1);

    const windows = async () =>
      (await wholeLog(side.store)).filter(({ type }) => type === 'RefundWindowOpened').length;
    const before = await windows();
    side.clock.advance(1_000);
    const { problems } = await run(moved());
    expect(problems.filter(({ field }) => field === 'venue')).toMatchObject([
      { record: expect.stringContaining('seat "A-3", hold '), effect: 'changed' },
    ]);
    expect(await heldSeats(side.store)).toEqual([]);
    // Fans have one refund window; a third import has nothing left to do.
    expect(await windows()).toBe(before);
    const length = (await wholeLog(side.store)).length;
    expect((await run(moved())).problems.filter(({ field }) => field === 'venue')).toEqual([]);
    expect(await wholeLog(side.store)).toHaveLength(length);
  });

  it('keeps holds of seats that the new hall has under the same ids', async () => {
    await run({
      ...moved(),
      venues: theatreDocument().venues.map((venue) => ({ ...venue, id: 'big' })),
    });
    const ben = await inside(side, 'ben', 1_000);
    await hold(side, ben, seats('A-3'));
    await run({ ...moved(), venues: [] });
    expect(await heldSeats(side.store)).toEqual(['A-3']);
  });

  it('moves without the option while nobody has a seat', async () => {
    await run(moved());
    await buy('ben', 'big-A-1');
    expect(await findings()).toEqual([]);
  });
});
