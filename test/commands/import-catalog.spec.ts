import { ImportCatalog } from '../../src/commands/catalog/import-catalog.js';
import { ReleaseHold } from '../../src/commands/seats/end-hold.js';
import type { CatalogDocument } from '../../src/domain/catalog-document.js';
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
    const read = reads.mock.calls.map(([stream]) => stream).filter((stream) => stream.startsWith('seat-'));
    expect(read.sort()).toEqual(expected.map((seatId) => streams.seat(scheduleId, seat(seatId))).sort());
  });

  it('skips a performance whose venue is nowhere', async () => {
    const document = { ...theatreDocument(), venues: [] };
    expect(await outcomes(document)).toEqual(['performance skipped']);
    expect(await logLength()).toBe(0);
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
});
