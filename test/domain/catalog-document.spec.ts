import {
  catalogDocumentSchema,
  maxPublishedEventBytes,
  momentSchema,
  performanceDocumentSchema,
  performanceProblems,
  venueProblems,
} from '../../src/domain/catalog-document.js';
import { planSectionSchema } from '../../src/events/catalog-events.js';
import { document, hall, manyIds, row, seat, section, show } from './sample-document.js';

describe('catalog document', () => {
  it('takes moments with any offset and stores them as UTC', () => {
    expect(momentSchema.parse('2026-10-01T19:30:00+09:00')).toBe('2026-10-01T10:30:00.000Z');
    expect(momentSchema.parse('2026-10-01T10:30:00Z')).toBe('2026-10-01T10:30:00.000Z');
    expect(momentSchema.safeParse('2026-10-01T10:30:00').success).toBe(false);
    expect(momentSchema.safeParse('2026-02-30T10:30:00Z').success).toBe(false);
    expect(momentSchema.safeParse('0000-01-01T00:00:00+09:00').success).toBe(false);
  });

  it('wants exactly one of venue and venueId', () => {
    const venueId = '5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11';
    const { venue, ...nowhere } = show;
    expect(performanceDocumentSchema.parse({ ...nowhere, venueId })).toMatchObject({ venueId });
    expect(performanceDocumentSchema.parse(show)).toMatchObject({ venue });
    expect(performanceDocumentSchema.safeParse(nowhere).success).toBe(false);
    expect(performanceDocumentSchema.safeParse({ ...show, venueId }).success).toBe(false);
  });

  it('does not swallow misspelt keys', () => {
    expect(performanceDocumentSchema.safeParse({ ...show, descripton: '' }).success).toBe(false);
    expect(performanceDocumentSchema.safeParse({ ...show, sales: { openAt: null } }).success).toBe(false);
  });

  it('takes the most that fits and refuses one more', () => {
    const shows = (count: number, change: object = {}) =>
      manyIds('s', count).map((id) => ({ ...show, id, ...change }));
    const halls = (count: number) => manyIds('h', count).map((id) => ({ ...hall, id, sections: [] }));
    const dates = (count: number) => manyIds('d', count).map((id) => ({ ...show.schedules[0], id }));
    const sections = (count: number) => manyIds('s', count).map((id) => section(id, 'A-1'));
    const tooBig = (changes: object) =>
      catalogDocumentSchema
        .safeParse({ ...document({}), ...changes })
        .error?.issues.map(({ path }) => path.join('.'));
    const text = 'x'.repeat(200);
    expect(document({ venues: halls(1000), performances: shows(1) }).venues).toHaveLength(1000);
    expect(tooBig({ venues: halls(1001) })).toEqual(['venues']);
    expect(document({ performances: shows(10_000, { schedules: [] }) }).performances).toHaveLength(10_000);
    expect(tooBig({ performances: shows(10_001, { schedules: [] }) })).toEqual(['performances']);
    expect(tooBig({ performances: shows(1, { schedules: dates(1000) }) })).toBeUndefined();
    expect(tooBig({ performances: shows(1, { schedules: dates(1001) }) })).toEqual([
      'performances.0.schedules',
    ]);
    expect(tooBig({ venues: [{ ...hall, sections: sections(2000) }] })).toBeUndefined();
    expect(tooBig({ venues: [{ ...hall, sections: sections(2001) }] })).toEqual(['venues.0.sections']);
    expect(tooBig({ source: text.slice(100) })).toBeUndefined();
    expect(tooBig({ source: text.slice(99) })).toEqual(['source']);
    expect(tooBig({ source: ' ' })).toEqual(['source']);
    expect(tooBig({ performances: [{ ...show, id: text }] })).toBeUndefined();
    expect(tooBig({ performances: [{ ...show, id: `${text}x` }] })).toEqual(['performances.0.id']);
    expect(tooBig({ performances: [{ ...show, id: ' ' }] })).toEqual(['performances.0.id']);
  });

  it('trims the names of records and of its source', () => {
    const trimmed = document({ source: ' test ', performances: [{ ...show, id: ' show ' }] });
    expect(trimmed).toEqual(document({}));
  });

  it('is of this format and version, and has no key that is not known', () => {
    for (const change of [
      { format: 'catalog' },
      { version: 2 },
      { extra: 1 },
      { venues: [{ ...hall, extra: 1 }] },
    ]) {
      expect(catalogDocumentSchema.safeParse({ ...document({}), ...change }).success).toBe(false);
    }
    const schedules = [{ ...show.schedules[0], extra: 1 }];
    expect(performanceDocumentSchema.safeParse({ ...show, schedules }).success).toBe(false);
  });

  it('fills in what may be left out', () => {
    const { description: _, ...short } = {
      ...show,
      schedules: [{ id: 'a', startsAt: '2026-10-01T10:00:00Z' }],
    };
    expect(performanceDocumentSchema.parse(short)).toMatchObject({
      description: '',
      schedules: [{ status: 'scheduled' }],
    });
    expect(document({ venues: [{ ...hall, ifAbsent: true }] }).venues[0]?.ifAbsent).toBe(true);
    expect(
      catalogDocumentSchema.safeParse({ ...document({}), venues: [{ ...hall, ifAbsent: false }] }).success,
    ).toBe(false);
  });

  it('may state any of the sales rules, the opening as a moment with an offset', () => {
    const sales = { opensAt: '2026-09-01T20:00:00+09:00', seatLimitPerUser: 4 };
    expect(performanceDocumentSchema.parse({ ...show, sales }).sales).toEqual({
      opensAt: '2026-09-01T11:00:00.000Z',
      seatLimitPerUser: 4,
    });
    expect(performanceDocumentSchema.parse({ ...show, sales: { opensAt: null } }).sales).toEqual({
      opensAt: null,
    });
    expect(performanceDocumentSchema.safeParse({ ...show, sales: { seatLimitPerUser: 0 } }).success).toBe(
      false,
    );
  });

  it('says what is wrong with a moment and with a place', () => {
    const reasonOf = (result: { error?: { issues: readonly { message: string }[] } | undefined }) =>
      result.error?.issues.map(({ message }) => message);
    expect(reasonOf(momentSchema.safeParse('0000-01-01T00:00:00+09:00'))).toEqual([
      'must be a UTC time such as 2026-11-22T09:00:00.000Z',
    ]);
    const { venue: _, ...nowhere } = show;
    expect(reasonOf(performanceDocumentSchema.safeParse(nowhere))).toEqual([
      'give exactly one of venue and venueId',
    ]);
  });
});

const withSeats =
  (count: number) =>
  ({ label, seats }: ReturnType<typeof row>) => ({ label, seats: seats.slice(0, count) });
const problemsIn = (changes: object) => {
  const { venues, performances } = document(changes);
  return [...venues.flatMap(venueProblems), ...performances.flatMap(performanceProblems)];
};
const fieldsOf = (changes: object) => problemsIn(changes).map(({ field }) => field);
const problemsOf = (changes: object) =>
  problemsIn(changes).map(({ record, reason }) => `${record}: ${reason}`);

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
    ]);
  });

  it('names an end of the sale that is not after its opening', () => {
    const opensAt = '2026-09-01T10:00:00.000Z';
    const sale = (sales: object) => fieldsOf({ performances: [{ ...show, sales }] });
    expect(sale({ opensAt, closesAt: opensAt })).toEqual(['sales.closesAt']);
    expect(sale({ opensAt, closesAt: '2026-09-01T10:00:00.001Z' })).toEqual([]);
    expect(sale({ opensAt: null, closesAt: opensAt })).toEqual([]);
  });

  it('lets two performances number their schedules alike', () => {
    expect(problemsOf({ performances: [show, { ...show, id: 'other' }] })).toEqual([]);
  });

  it('names a seat id that two sections share', () => {
    expect(
      problemsOf({ venues: [{ ...hall, sections: [section('a', 'A-1'), section('b', 'A-1')] }] }),
    ).toEqual(['venue "hall", seat "A-1": another seat has this id']);
  });

  it('names a place that several seats have, across rows of one label and sections of one name', () => {
    const numbered = (seatId: string, number: string) => ({ ...seat(seatId), number });
    const block = (sectionId: string, name: string, ...rows: ReturnType<typeof numbered>[][]) => ({
      sectionId,
      name,
      rows: rows.map((seats) => ({ label: 'A', seats })),
    });
    const plan = (...sections: ReturnType<typeof block>[]) => problemsOf({ venues: [{ ...hall, sections }] });
    const twice = 'venue "hall", Stalls, row A, number 1: 2 seats have this section, row and number';
    const left = numbered('l-1', '1');
    const right = numbered('r-1', '1');
    expect(plan(block('s', 'Stalls', [left], [right]))).toEqual([expect.stringContaining(twice)]);
    expect(plan(block('l', 'Stalls', [left]), block('r', 'Stalls', [right]))).toEqual([
      expect.stringContaining(twice),
    ]);
    // Blocks that number differently, or sections of other names, can be told apart.
    expect(plan(block('s', 'Stalls', [left], [numbered('r-2', '2')]))).toEqual([]);
    expect(plan(block('l', 'Left', [left]), block('r', 'Right', [right]))).toEqual([]);
  });

  it('takes a standing area of at most what a venue may have, with places of their own', () => {
    const area = (sectionId: string, capacity: number, name = sectionId) => ({
      sectionId,
      name,
      rows: [],
      standing: { category: 'Standing', capacity, x: 0, y: 0 },
    });
    const plan = (...sections: unknown[]) => problemsOf({ venues: [{ ...hall, sections }] });
    expect(plan(area('floor', 100_000))).toEqual([]);
    expect(plan(area('floor', 60_000), area('pit', 40_001))).toEqual([
      'venue "hall": has 100001 places in 2 standing areas; a venue may have 100000 seats',
    ]);
    expect(plan(area('floor', 100_000), section('a', 'A-1'))).toEqual([
      'venue "hall": has 100001 seats; a venue may have 100000',
    ]);
    expect(plan(area('floor', 2), section('a', 'floor:2'))).toEqual([
      'venue "hall", seat "floor:2": another seat has this id',
    ]);
    expect(plan(area('l', 1, 'Floor'), area('r', 1, 'Floor'))).toEqual([
      expect.stringContaining('venue "hall", Floor · entry no. 1: 2 seats have this section'),
    ]);
  });

  it('refuses a section that is neither rows nor a standing area, or both, or whose places have no ids', () => {
    const standing = { category: 'Standing', capacity: 300, x: 0, y: 0 };
    const issuesOf = (fields: object) =>
      planSectionSchema
        .safeParse({ sectionId: 'floor', name: 'Floor', ...fields })
        .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];
    expect(issuesOf({ standing })).toEqual([]);
    expect(issuesOf({})).toEqual(['rows must not be empty']);
    expect(issuesOf({ rows: section('a', 'A-1').rows, standing })).toEqual([
      'rows must be empty in a standing area: make two sections of it',
    ]);
    expect(issuesOf({ sectionId: 'f'.repeat(60), standing })).toEqual([]);
    expect(issuesOf({ sectionId: 'f'.repeat(61), standing })).toEqual([
      expect.stringMatching(/^sectionId must be printable and so short that/),
    ]);
    for (const capacity of [0, 1.5, 100_001]) {
      expect(issuesOf({ standing: { ...standing, capacity } })).toHaveLength(1);
    }
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
    expect(fieldsOf({ performances: [{ ...show, endDate: '2026-09-30', prices }] })).toEqual([
      'endDate',
      'prices',
    ]);
    const schedules = [...show.schedules, ...show.schedules];
    expect(fieldsOf({ performances: [{ ...show, schedules }] })).toEqual(['id']);
    const sections = [section('main', 'A-1', 'A-1'), section('main', 'B-1')];
    expect(fieldsOf({ venues: [{ ...hall, sections }] })).toEqual(['sectionId', 'seatId']);
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
