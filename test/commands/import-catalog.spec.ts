import { ImportRefused } from '../../src/commands/catalog/check-import.js';
import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { ReleaseHold } from '../../src/commands/seats/end-hold.js';
import { publishedSchedule, scheduleDecider } from '../../src/domain/catalog.js';
import type { CatalogDocument } from '../../src/domain/catalog-document.js';
import { instantSchema } from '../../src/events/ids.js';
import { streams } from '../../src/events/streams.js';
import { wholeLog } from './audit.js';
import { type CommandSide, createCommandSide, restarted } from './box-office.js';
import { atEveryAppend, crashingStore, died } from './crashing-store.js';
import {
  contextOf,
  freshContext,
  hold,
  inside,
  openTheatre,
  outcomeOf,
  performanceId,
  scheduleId,
  seat,
  seats,
  theatreDocument,
  venueId,
} from './theatre.js';

let side: CommandSide;
beforeEach(() => {
  side = createCommandSide();
});

const run = (on: CommandSide, document: CatalogDocument, context = freshContext()) =>
  on.execute(new ImportCatalog(document, context));
const outcomes = async (document: CatalogDocument) =>
  (await run(side, document)).records.map(({ kind, outcome }) => `${kind} ${outcome}`);
const logLength = async () => (await wholeLog(side.store)).length;
const [plan] = theatreDocument().venues.map(({ sections }) => sections);
const sectionNamed = (sectionId: string, ...rows: number[]) => {
  const [stalls] = plan ?? [];
  if (!stalls) throw new Error('the theatre has a section');
  return { ...stalls, sectionId, rows: stalls.rows.filter((_, index) => rows.includes(index)) };
};
const droppedSeats = Array.from({ length: 10 }, (_, index) => `B-${index + 1}`);
const withSections = (...sections: ReturnType<typeof sectionNamed>[]) => theatreDocument({ sections });

/** The document as a feed without seating plans has it, with other prices. */
const withoutPlan = (
  document: CatalogDocument,
  prices: CatalogDocument['performances'][number]['prices'],
): CatalogDocument => ({
  ...document,
  venues: document.venues.map((one) => ({ ...one, sections: [] })),
  performances: document.performances.map((one) => ({ ...one, prices })),
});

describe('ImportCatalog', () => {
  it('publishes a venue, its performance and schedule', async () => {
    expect(await outcomes(theatreDocument())).toEqual([
      'venue published',
      'performance published',
      'schedule published',
    ]);
  });

  it('appends nothing when it is repeated, by this process or another', async () => {
    await run(side, theatreDocument());
    const before = await logLength();
    expect(new Set(await outcomes(theatreDocument()))).toEqual(
      new Set(['venue unchanged', 'performance unchanged', 'schedule unchanged']),
    );
    await run(restarted(side), theatreDocument());
    expect(await logLength()).toBe(before);
  });

  it('appends only what a revision changed', async () => {
    await run(side, theatreDocument());
    const before = await logLength();
    expect(await outcomes(theatreDocument({ sales: { seatLimitPerUser: 2 } }))).toEqual([
      'venue unchanged',
      'performance revised',
      'schedule unchanged',
    ]);
    expect(await logLength()).toBe(before + 1);
  });

  it('withdraws a section the feed no longer has', async () => {
    await run(side, withSections(sectionNamed('left', 0), sectionNamed('right', 1)));
    await run(side, withSections(sectionNamed('left', 0)));
    const mina = await inside(side, 'mina');
    expect(await outcomeOf(hold(side, mina, seats('B-1')))).toBe('seat-unknown');
    await hold(side, mina, seats('A-1'));
  });

  it('keeps dropped seats that are held, reports them, and changes nothing when repeated', async () => {
    await run(side, withSections(sectionNamed('left', 0), sectionNamed('right', 1)));
    const mina = await inside(side, 'mina');
    const held = await hold(side, mina, seats('B-3'));
    const smaller = withSections(sectionNamed('left', 0));
    const report = await run(side, smaller);
    expect(report.keptSeats).toEqual([{ venueId, seatId: 'B-3', scheduleId }]);
    const before = await logLength();
    expect((await run(side, smaller)).keptSeats).toHaveLength(1);
    expect(await logLength()).toBe(before);
    await side.execute(new ReleaseHold(mina, held.holdId, freshContext()));
    expect((await run(side, smaller)).keptSeats).toEqual([]);
    expect(await outcomeOf(hold(side, mina, seats('B-3')))).toBe('seat-unknown');
  });

  it.each([
    ['only those of taken seats when the read models answer', true, ['B-3']],
    ['those of all dropped seats when they do not', false, droppedSeats],
  ])('reads the streams of dropped seats: %s', async (_, doAnswer, expected) => {
    await run(side, withSections(sectionNamed('left', 0), sectionNamed('right', 1)));
    await hold(side, await inside(side, 'mina'), seats('B-3'));
    const fresh = restarted(side);
    fresh.models.isCaughtUp = doAnswer;
    const reads = jest.spyOn(side.store, 'readStream');
    const report = await run(fresh, withSections(sectionNamed('left', 0)));
    expect(report.keptSeats).toEqual([{ venueId, seatId: 'B-3', scheduleId }]);
    const streamsRead = reads.mock.calls.map(([stream]) => stream);
    // They are read again after the seats have left the plan.
    const read = [...new Set(streamsRead)].filter((stream) => stream.startsWith('seat-'));
    expect(read.sort()).toEqual(expected.map((seatId) => streams.seat(scheduleId, seat(seatId))).sort());
  });

  it('skips a performance whose venue is nowhere', async () => {
    const document = { ...theatreDocument(), venues: [] };
    expect(await outcomes(document)).toEqual(['performance skipped']);
    expect(await logLength()).toBe(0);
  });

  describe('with chosen prices', () => {
    const withPrices = (...categories: string[]) => {
      const document = theatreDocument();
      const added = categories.map((category) => ({ category, price: 5 }));
      return {
        ...document,
        performances: document.performances.map((one) => ({ ...one, prices: [...one.prices, ...added] })),
      };
    };
    const refused = async (document: CatalogDocument, unlistedPrices: readonly string[]) => {
      const command = new ImportCatalog(document, freshContext(), { unlistedPrices });
      const error: unknown = await side.execute(command).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error instanceof ImportRefused ? error.problems.map(({ reason }) => reason) : error;
    };

    it('refuses those of categories that no plan has, before anything is published', async () => {
      expect(await refused(withPrices('VIP'), ['VIP'])).toEqual([
        expect.stringMatching(/^there is no category "VIP"; there is "/),
      ]);
      expect(await logLength()).toBe(0);
    });

    it('asks the published plan when the feed has none', async () => {
      await run(side, theatreDocument());
      const [category = ''] = (plan ?? []).flatMap(({ rows }) => rows[0]?.seats[0]?.category ?? []);
      const prices = [{ category, price: 5 }];
      const document = withoutPlan(theatreDocument(), prices);
      expect(await refused(document, [category])).toBeUndefined();
      expect(
        await refused(withoutPlan(document, [...prices, { category: 'X', price: 1 }]), ['X']),
      ).toHaveLength(1);
    });

    it('takes them unchecked, and says so, while there is no plan', async () => {
      const document = withoutPlan(theatreDocument(), [{ category: 'VIP', price: 5 }]);
      const report = await side.execute(
        new ImportCatalog(document, freshContext(), { unlistedPrices: ['VIP'] }),
      );
      expect(report.problems.map(({ field, effect }) => [field, effect])).toContainEqual(['VIP', 'changed']);
    });
  });

  it('says where prices and plan do not meet', async () => {
    const [stalls] = plan ?? [];
    if (!stalls) throw new Error('the theatre has a section');
    const categories = ['VIP석', 'VIP\u00a0석', '\uff36IP석', 'S석', 'S석'];
    const seatsOf = (row: (typeof stalls.rows)[number]) =>
      row.seats.slice(0, 5).map((one, index) => ({ ...one, category: categories[index] ?? '' }));
    const [first] = stalls.rows;
    if (!first) throw new Error('the theatre has a row');
    const document = theatreDocument({
      sections: [{ ...stalls, rows: [{ ...first, seats: seatsOf(first) }] }],
    });
    const priced = (prices: (typeof document.performances)[number]['prices']) => ({
      ...document,
      performances: document.performances.map((one) => ({ ...one, prices })),
    });
    const vip = { category: 'VIP석', price: 200_000 };
    const reasons = async (prices: Parameters<typeof priced>[0]) =>
      (await run(side, priced(prices))).problems
        .filter(({ field }) => field === 'prices')
        .map(({ reason, effect }) => `${effect}: ${reason}`);
    expect(await reasons([vip, { category: '*', price: 44_000 }])).toEqual([
      'changed: the plan’s category "VIP\u00a0석" is spelt unlike "VIP석" of the prices: its seats (1) cost what * costs, 44000',
      'changed: the plan’s category "\uff36IP석" is spelt unlike "VIP석" of the prices: its seats (1) cost what * costs, 44000',
    ]);
    expect(await reasons([vip, { category: 'A석', price: 1 }])).toEqual([
      expect.stringContaining('its seats (1) are not for sale'),
      expect.stringContaining('its seats (1) are not for sale'),
      'changed: has none for the category "S석": its seats (2) are not for sale',
      'changed: has one for the category "A석", which no seat of the plan has',
    ]);
  });

  it('gives dates the time zone of the performance, else of the venue, and reports a venue without one', async () => {
    const zones = async (venueZone?: string, performanceZone?: string) => {
      const document = theatreDocument();
      const report = await run(side, {
        ...document,
        venues: document.venues.map((one) => ({ ...one, timeZone: venueZone })),
        performances: document.performances.map((one) => ({ ...one, timeZone: performanceZone })),
      });
      const log = await wholeLog(side.store);
      const last = (type: string) =>
        log.filter((event) => event.type === type).map(({ data }) => (data as { timeZone: string }).timeZone); // both have one
      const said = report.problems.filter(({ field }) => field === 'timeZone').length;
      return [last('VenuePublished').at(-1), last('SchedulePublished').at(-1), said];
    };
    expect(await zones()).toEqual(['UTC', 'UTC', 1]);
    expect(await zones('Asia/Seoul')).toEqual(['Asia/Seoul', 'Asia/Seoul', 0]);
    // A feed that says nothing does not take it back.
    expect(await zones()).toEqual(['Asia/Seoul', 'Asia/Seoul', 0]);
    expect(await zones(undefined, 'Asia/Tokyo')).toEqual(['Asia/Seoul', 'Asia/Tokyo', 0]);
  });

  it('does not sell what has no price', async () => {
    const document = theatreDocument();
    const performances = document.performances.map((performance) => ({ ...performance, prices: [] }));
    await run(side, { ...document, performances });
    const mina = await inside(side, 'mina');
    expect(await outcomeOf(hold(side, mina, seats('A-1')))).toBe('seat-not-for-sale');
  });

  it('is completed by a repetition after a crash at any append', async () => {
    await openTheatre(side);
    const whole = (await wholeLog(side.store)).map(({ type, data }) => ({ type, data }));
    await atEveryAppend(async (crashAt, when) => {
      side = createCommandSide();
      const { store } = crashingStore(side.store, crashAt, when);
      const isDead = await died(run(restarted(side, { store }), theatreDocument(), contextOf('import')));
      await run(restarted(side), theatreDocument(), contextOf('import'));
      expect((await wholeLog(side.store)).map(({ type, data }) => ({ type, data }))).toEqual(whole);
      return isDead;
    });
  });

  describe('a feed that has changed', () => {
    const dates = (...schedules: { id: string; startsAt: string; status?: 'cancelled' }[]) => {
      const document = theatreDocument();
      return {
        ...document,
        performances: document.performances.map((one) => ({
          ...one,
          schedules: schedules.map(({ id, startsAt: at, status = 'scheduled' as const }) => ({
            id,
            startsAt: instantSchema.parse(at),
            status,
          })),
        })),
      };
    };
    const friday = { id: '20261204-1930', startsAt: '2026-12-04T10:30:00.000Z' };
    const saturday = { id: '20261205-1800', startsAt: '2026-12-05T09:00:00.000Z' };
    const corrected = { id: '20261204-2000', startsAt: '2026-12-04T11:00:00.000Z' };
    const onSale = async () => {
      const ids = await side.models.schedulesOfPerformance(performanceId, side.clock.now());
      const found = [];
      for (const id of ids) {
        const { state } = await side.repository.load(scheduleDecider, streams.schedule(id));
        const date = publishedSchedule(state);
        if (date?.status === 'scheduled') found.push(date.startsAt);
      }
      return found.sort();
    };

    it('moves the date whose time it corrects, also when its id is made from the time, and opens refunds', async () => {
      await run(side, dates(friday));
      const report = await run(side, dates(corrected));
      expect(await onSale()).toEqual([corrected.startsAt]);
      expect(report.records).toContainEqual(
        expect.objectContaining({ kind: 'schedule', externalId: corrected.id, outcome: 'revised' }),
      );
      expect(report.problems).toContainEqual(
        expect.objectContaining({ field: 'startsAt', reason: expect.stringContaining('moved to') }),
      );
      const types = (await wholeLog(side.store)).map(({ type }) => type);
      expect(types.filter((type) => type === 'RefundWindowOpened')).toHaveLength(1);
      const again = await run(side, dates(corrected));
      expect(again.records.filter(({ outcome }) => outcome !== 'unchanged')).toEqual([]);
      expect(again.problems.filter(({ field }) => field === 'startsAt' || field === 'schedules')).toEqual([]);
    });

    it('reports a date that it lost, and cancels it when asked to', async () => {
      await run(side, dates(friday, saturday));
      const report = await run(side, dates(friday));
      expect(report.problems).toContainEqual(
        expect.objectContaining({ reason: expect.stringContaining('published earlier, absent now') }),
      );
      expect(await onSale()).toEqual([friday.startsAt, saturday.startsAt]);
      await side.execute(new ImportCatalog(dates(friday), freshContext(), { cancelMissing: true }));
      expect(await onSale()).toEqual([friday.startsAt]);
      const settled = await run(side, dates(friday));
      expect(settled.problems.filter(({ field }) => field === 'schedules')).toEqual([]);
    });

    it('does not take a date for another one of its day when its own id is known', async () => {
      const late = { id: 'late', startsAt: '2026-12-04T13:00:00.000Z' };
      await run(side, dates({ ...friday, status: 'cancelled' }, late));
      const report = await run(side, dates(friday));
      expect(report.records.filter(({ kind }) => kind === 'schedule')).toEqual([
        expect.objectContaining({ externalId: friday.id, outcome: 'skipped' }),
      ]);
      expect(await onSale()).toEqual([late.startsAt]);
    });

    it('corrects a time up to 24 hours after it, and does not miss dates that have begun', async () => {
      await run(side, dates(friday, saturday));
      side.clock.moveTo(instantSchema.parse(friday.startsAt), 23 * 3_600_000);
      const later = { id: '20261204-2359', startsAt: '2026-12-04T14:59:00.000Z' };
      const report = await run(side, dates(later, saturday));
      const ofDates = report.records.filter(({ kind }) => kind === 'schedule');
      expect(ofDates.map(({ outcome }) => outcome)).toEqual(['revised', 'unchanged']);
      const without = await run(side, dates(saturday));
      expect(without.problems.filter(({ field }) => field === 'schedules')).toEqual([]);
      side.clock.moveTo(instantSchema.parse(later.startsAt), 24 * 3_600_000);
      const tooLate = await run(side, dates({ ...friday, id: 'again' }));
      expect(tooLate.records.at(-1)?.outcome).toBe('published');
    });

    it('cancels nothing for a performance of which it has no date', async () => {
      await run(side, dates(friday));
      await side.execute(new ImportCatalog(dates(), freshContext(), { cancelMissing: true }));
      expect(await onSale()).toEqual([friday.startsAt]);
    });

    it('does not put a cancelled date on sale again, and the rest of it goes in', async () => {
      await run(side, dates({ ...friday, status: 'cancelled' }));
      const report = await run(side, dates(friday, saturday));
      expect(report.records.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
        'venue unchanged',
        'performance unchanged',
        'schedule skipped',
        'schedule published',
      ]);
      expect(await onSale()).toEqual([saturday.startsAt]);
    });

    it.each([
      { what: 'be moved', changed: dates(corrected, saturday), options: {} },
      { what: 'be cancelled', changed: dates(friday), options: { cancelMissing: true } },
    ])(
      'is refused before anything is published while it is not known which dates would $what',
      async ({ changed, options }) => {
        await run(side, dates(friday, saturday));
        const before = await logLength();
        side.models.isCaughtUp = false;
        const importing = side.execute(new ImportCatalog(changed, freshContext(), options));
        expect(await outcomeOf(importing)).toBe('busy');
        expect(await logLength()).toBe(before);
      },
    );

    it('says so while it is not known which dates it lost', async () => {
      const reasons = async () => {
        const { problems } = await run(side, dates(friday));
        return problems.filter(({ field }) => field === 'schedules').map(({ reason }) => reason);
      };
      await run(side, dates(friday, saturday));
      side.models.isCaughtUp = false;
      expect(await reasons()).toContainEqual(expect.stringContaining('not up to date'));
      side.models.isCaughtUp = true;
      expect(await reasons()).toEqual([expect.stringContaining('published earlier, absent now')]);
    });
  });
});
