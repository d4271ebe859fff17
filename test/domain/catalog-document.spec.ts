import {
  catalogDocumentSchema,
  momentSchema,
  performanceDocumentSchema,
} from '../../src/domain/catalog-document.js';
import { document, hall, manyIds, section, show } from './sample-document.js';

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
