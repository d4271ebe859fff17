import { catalogProblems, maxPublishedEventBytes, venueProblems } from '../../src/domain/catalog-document.js';
import { document, hall, manyIds, row, seat, section, show } from './sample-document.js';

const withSeats =
  (count: number) =>
  ({ label, seats }: ReturnType<typeof row>) => ({ label, seats: seats.slice(0, count) });
const fieldsOf = (changes: object) => catalogProblems(document(changes)).map(({ field }) => field);
const problemsOf = (changes: object, isKnown?: (id: string) => boolean) =>
  catalogProblems(document(changes), isKnown).map(({ record, reason }) => `${record}: ${reason}`);

describe('what keeps a document from being published', () => {
  it('has no problem with a sound document', () => {
    expect(problemsOf({})).toEqual([]);
  });

  it('names every repeated id', () => {
    expect(
      problemsOf({
        venues: [{ ...hall, sections: [section('main', 'A-1', 'A-1', 'A-1'), section('main', 'B-1')] }, hall],
        performances: [show, { ...show, schedules: [...show.schedules, ...show.schedules] }],
      }),
    ).toEqual([
      'venue "hall", section "main": another section has this id',
      'venue "hall", seat "A-1": another seat has this id',
      'venue "hall", seat "A-1": another seat has this id',
      'performance "show", schedule "show-1": another schedule of the performance has this id',
      'venue "hall": another venue has this id',
      'performance "show": another performance has this id',
    ]);
  });

  it('lets two performances number their schedules alike', () => {
    expect(problemsOf({ performances: [show, { ...show, id: 'other' }] })).toEqual([]);
  });

  it('names a seat id that two sections share', () => {
    expect(
      problemsOf({ venues: [{ ...hall, sections: [section('a', 'A-1'), section('b', 'A-1')] }] }),
    ).toEqual(['venue "hall", seat "A-1": another seat has this id']);
  });

  it('names venues that neither the document nor the catalog has', () => {
    expect(problemsOf({ venues: [] })).toEqual(['performance "show": there is no venue "hall"']);
    expect(problemsOf({ venues: [] }, (id) => id === 'hall')).toEqual([]);
  });

  it('names performances that end before they start and categories priced twice', () => {
    const performance = {
      ...show,
      endDate: '2026-09-30',
      prices: [
        { category: 'R', price: 1 },
        { category: 'R', price: 2 },
      ],
    };
    expect(problemsOf({ performances: [performance] })).toEqual([
      'performance "show": 2026-09-30 is before startDate 2026-10-01',
      'performance "show": category "R" is priced twice',
    ]);
  });

  it('names the field of each problem', () => {
    const prices = [...show.prices, ...show.prices];
    expect(fieldsOf({ venues: [] })).toEqual(['venue']);
    expect(fieldsOf({ performances: [{ ...show, endDate: '2026-09-30', prices }] })).toEqual([
      'endDate',
      'prices',
    ]);
    const schedules = [...show.schedules, ...show.schedules];
    expect(fieldsOf({ performances: [{ ...show, schedules }] })).toEqual(['id']);
    const sections = [section('main', 'A-1', 'A-1'), section('main', 'B-1')];
    expect(fieldsOf({ venues: [{ ...hall, sections }, hall] })).toEqual(['sectionId', 'seatId', 'id']);
  });

  it('lets a performance end on the day it starts', () =>
    expect(problemsOf({ performances: [{ ...show, endDate: show.startDate }] })).toEqual([]));

  it('refuses sections and venues of too many seats, and events of too many bytes', () => {
    const rows = Array.from({ length: 5 }, (_, n) => row(...manyIds(`${n}-`, 801)));
    const large = { ...hall, sections: [{ sectionId: 'main', name: 'Main', rows }] };
    expect(venueProblems(large)).toEqual([
      {
        record: 'venue "hall", section "main"',
        field: 'rows',
        reason: 'has 4005 seats; a section may have 4000',
      },
    ]);
    const full = {
      ...large,
      sections: [{ sectionId: 'main', name: 'Main', rows: rows.map(withSeats(800)) }],
    };
    expect(venueProblems(full)).toEqual([]);

    const sections = Array.from({ length: 101 }, (_, n) => section(`s${n}`, ...manyIds(`${n}-`, 1000)));
    expect(venueProblems({ ...hall, sections })).toEqual([
      { record: 'venue "hall"', field: 'sections', reason: 'has 101000 seats; a venue may have 100000' },
    ]);
    expect(venueProblems({ ...hall, sections: sections.slice(1) })).toEqual([]);

    const wide = Array.from({ length: 4 }, (_, n) => ({
      label: 'A',
      seats: manyIds(`${'석'.repeat(55)}${n}-`, 900).map((id) => ({
        ...seat(id),
        category: '가'.repeat(100),
      })),
    }));
    const heavy = { ...hall, sections: [{ sectionId: 'main', name: 'Main', rows: wide }] };
    expect(venueProblems(heavy)).toEqual([
      { record: 'venue "hall", section "main"', reason: 'is larger than 900000 bytes; split it' },
    ]);

    const points = Array.from({ length: 500 }, () => ({ x: 1234.56, y: 1234.56 }));
    const decorations = Array.from({ length: 200 }, () => ({
      shape: 'polygon' as const,
      x: 0,
      y: 0,
      points,
    }));
    expect(venueProblems({ ...hall, decorations })).toEqual([
      {
        record: 'venue "hall"',
        field: 'decorations',
        reason: 'takes more than 900000 bytes without its seats',
      },
    ]);
  });

  it('counts bytes, not characters, and takes exactly the most', () => {
    const { sections: _, ...header } = hall;
    const room = maxPublishedEventBytes - Buffer.byteLength(JSON.stringify({ ...header, location: '' }));
    const sized = (location: string) => venueProblems({ ...hall, location }).length;
    expect([sized('x'.repeat(room)), sized('x'.repeat(room + 1))]).toEqual([0, 1]);
    expect(sized('석'.repeat(Math.ceil(room / 3) + 1))).toBe(1);
    const main = section('main', 'A-1');
    const left = maxPublishedEventBytes - Buffer.byteLength(JSON.stringify({ ...main, name: '' }));
    const named = (name: string) => venueProblems({ ...hall, sections: [{ ...main, name }] }).length;
    expect([named('x'.repeat(left)), named('x'.repeat(left + 1))]).toEqual([0, 1]);
  });
});
