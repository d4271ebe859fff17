import {
  type CatalogDocument,
  catalogDocumentSchema,
  momentSchema,
  performanceDocumentSchema,
} from '../../../src/domain/catalog/document.js';
import { catalogProblems, venueProblems } from '../../../src/domain/catalog/document-problems.js';
import { seatIdSchema } from '../../../src/events/ids.js';

const seat = (id: string) => ({ seatId: seatIdSchema.parse(id), number: '1', category: 'R', x: 0, y: 0 });
const row = (...ids: string[]) => ({ label: 'A', seats: ids.map(seat) });
const section = (sectionId: string, ...ids: string[]) => ({
  sectionId,
  name: sectionId,
  rows: [row(...ids)],
});
const manyIds = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

const hall = { id: 'hall', name: 'Hall', location: '', sections: [section('main', 'A-1', 'A-2')] };
const show = {
  id: 'show',
  venue: 'hall',
  name: 'Show',
  description: '',
  startDate: '2026-10-01',
  endDate: '2026-10-02',
  prices: [{ category: 'R', price: 1000 }],
  schedules: [{ id: 'show-1', startsAt: '2026-10-01T10:00:00.000Z', status: 'scheduled' }],
};
const document = (changes: object): CatalogDocument =>
  catalogDocumentSchema.parse({
    format: 'boxoffice-catalog',
    version: 1,
    source: 'test',
    venues: [hall],
    performances: [show],
    ...changes,
  });
const problemsOf = (changes: object, isKnown?: (id: string) => boolean) =>
  catalogProblems(document(changes), isKnown).map(({ record, reason }) => `${record}: ${reason}`);

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

  it('refuses sections and venues of too many seats, and events of too many bytes', () => {
    const rows = Array.from({ length: 5 }, (_, n) => row(...manyIds(`${n}-`, 801)));
    const large = { ...hall, sections: [{ sectionId: 'main', name: 'Main', rows }] };
    expect(venueProblems(large).map((problem) => problem.reason)).toEqual([
      'has 4005 seats; a section may have 4000',
    ]);

    const sections = Array.from({ length: 101 }, (_, n) => section(`s${n}`, ...manyIds(`${n}-`, 1000)));
    expect(venueProblems({ ...hall, sections }).map((problem) => problem.reason)).toEqual([
      'has 101000 seats; a venue may have 100000',
    ]);

    const wide = Array.from({ length: 4 }, (_, n) => ({
      label: 'A',
      seats: manyIds(`${'석'.repeat(55)}${n}-`, 900).map((id) => ({
        ...seat(id),
        category: '가'.repeat(100),
      })),
    }));
    const heavy = { ...hall, sections: [{ sectionId: 'main', name: 'Main', rows: wide }] };
    expect(venueProblems(heavy).map((problem) => problem.reason)).toEqual([
      'is larger than 900000 bytes; split it',
    ]);

    const points = Array.from({ length: 500 }, () => ({ x: 1234.56, y: 1234.56 }));
    const decorations = Array.from({ length: 200 }, () => ({
      shape: 'polygon' as const,
      x: 0,
      y: 0,
      points,
    }));
    expect(venueProblems({ ...hall, decorations }).map((problem) => problem.field)).toEqual(['decorations']);
  });
});
