import { CliFailure } from '../../src/cli/command.js';
import { describeOutcome, type ImportOutcome, toFeedOptions, toQuery } from '../../src/cli/import.js';
import { textTable } from '../../src/cli/terminal.js';

describe('flags of an import', () => {
  it('become the feed’s options', () => {
    const options = toFeedOptions({
      dedupe: true,
      only: ['a', 'b'],
      price: ['R=66000', 'A=B=5', '*=none'],
      pointsPerUnit: ['0.5'],
      shiftDays: '-7',
      venueName: 'Hall',
      sales: ['maxActive=10', 'opensAt=2026-12-01T11:00:00.000Z'],
    });
    expect(options).toEqual({
      dedupe: true,
      only: ['a', 'b'],
      prices: [
        { category: 'R', price: 66_000 },
        { category: 'A=B', price: 5 },
        { category: '*', price: null },
      ],
      pointsPerUnit: 0.5,
      shiftDays: -7,
      venueName: 'Hall',
      sales: { maxActive: 10, opensAt: '2026-12-01T11:00:00.000Z' },
    });
    expect(toFeedOptions({ sales: ['opensAt=null', 'closesAt=null'] })).toEqual({
      sales: { opensAt: null, closesAt: null },
    });
    expect(
      toFeedOptions({
        dedupe: 'rename',
        pointsPerUnit: ['USD=1300', 'GBP=1700'],
        timeZone: 'Asia/Seoul',
        focus: '120, -40.5',
        standing: ['Stehplätze=300', 'Pit=A=20'],
      }),
    ).toEqual({
      dedupe: 'rename',
      pointsPerUnit: { USD: 1300, GBP: 1700 },
      timeZone: 'Asia/Seoul',
      focus: { x: 120, y: -40.5 },
      standing: { Stehplätze: 300, 'Pit=A': 20 },
    });
    expect(toFeedOptions({ dedupe: 'first' })).toEqual({ dedupe: true });
    expect(toFeedOptions({})).toEqual({});
  });

  it('are refused by the name of the flag', () => {
    const refusal = (flags: Parameters<typeof toFeedOptions>[0]): string => {
      try {
        toFeedOptions(flags);
      } catch (error) {
        if (error instanceof CliFailure) return error.message;
      }
      return 'not refused';
    };
    expect(refusal({ price: ['R=-1'] })).toMatch(/^--price 0 price: /);
    expect(refusal({ pointsPerUnit: ['1e3'] })).toBe('--points-per-unit: 1e3 is not a number');
    expect(refusal({ standing: ['Pit=many'] })).toBe('--standing: many is not a number');
    expect(refusal({ standing: ['Pit=0'] })).toMatch(/^--standing Pit: /);
    expect(refusal({ focus: '1' })).toBe('--focus: 1 is not of the form x,y');
    expect(refusal({ timeZone: 'Mars' })).toMatch(/^--time-zone: /);
    expect(refusal({ venueId: 'hall' })).toMatch(/^--venue-id: /);
    expect(refusal({ sales: ['=5'] })).toBe('--sales: =5 is not of the form key=value');
  });

  it('travel to a server as its query', () => {
    const options = toFeedOptions({ only: ['a', 'b'], price: ['R=5'], dedupe: true, shiftDays: '1' });
    const query = toQuery('auto', options);
    expect(query.getAll('only')).toEqual(['a', 'b']);
    expect(Object.fromEntries(query)).toMatchObject({
      format: 'auto',
      dedupe: 'true',
      shiftDays: '1',
      prices: '[{"category":"R","price":5}]',
    });
  });
});

describe('the report of an import', () => {
  const none = { published: 0, revised: 0, unchanged: 0, skipped: 0 };
  const id = '5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11';
  const imported: ImportOutcome = {
    kind: 'imported',
    via: 'the server',
    format: 'kopis',
    summary: {
      venues: { ...none, published: 1 },
      performances: { ...none, revised: 1, skipped: 1 },
      dates: { ...none, published: 1200, unchanged: 1 },
      cancelledDates: 1,
      seats: 15_000,
    },
    records: [
      { kind: 'venue', externalId: 'V', id, name: 'Hall', outcome: 'published', seats: 15_000 },
      { kind: 'performance', externalId: 'P', id, name: 'Show', outcome: 'revised' },
      { kind: 'schedule', externalId: 'P-1', id, name: 'Show, Friday', outcome: 'published' },
      { kind: 'schedule', externalId: 'P-2', id, name: 'Show, Sunday', outcome: 'unchanged' },
      { kind: 'performance', externalId: 'Q', id, name: 'Other', outcome: 'skipped', reason: 'no venue' },
    ],
    keptSeats: [],
    matchedSeats: [],
    moreMatchedSeats: 0,
    problems: [{ record: 'Q', reason: 'has no venue', effect: 'skipped' }],
    moreProblems: 2,
    groups: [
      { effect: 'changed', field: 'price', reason: '… is not a price', count: 7, records: ['P', 'R', 'S'] },
      { effect: 'skipped', reason: 'has no venue', count: 1, records: ['Q'] },
    ],
    position: 5,
  };

  it('says what went in, then what did not and why, then the records with their dates', () => {
    expect(describeOutcome(imported)).toBe(
      [
        'Imported a kopis feed, by the server',
        '',
        '              OUTCOME',
        'venues        1 published',
        'performances  1 revised, 1 left out',
        'dates         1,200 published, 1 unchanged',
        '',
        'The plans have 15,000 seats.',
        '1 date is cancelled, as the feed says.',
        '',
        'Left out',
        '  Q: has no venue',
        '',
        'Not as the feed has it',
        '  7 × price: … is not a price',
        '      P; R; S … (7 in all)',
        '',
        '--json lists 1 of 3 of these.',
        '',
        'KIND         OUTCOME    EXTERNAL ID  NAME   SIZE          ID',
        `venue        published  V            Hall   15,000 seats  ${id}`,
        `performance  revised    P            Show   2 dates       ${id}`,
        `performance  left out   Q            Other                ${id}`,
        '',
      ].join('\n'),
    );
  });

  it('names the reasons of a refusal', () => {
    const groups = [{ effect: 'refused' as const, reason: 'is not JSON', count: 1, records: ['feed'] }];
    const problems = [{ record: 'feed', reason: 'is not JSON', effect: 'refused' as const }];
    expect(describeOutcome({ kind: 'refused', via: 'the server', problems, moreProblems: 0, groups })).toBe(
      'Nothing of this feed was imported.\n\nRefused\n  feed: is not JSON\n\n--json lists each of these.\n',
    );
  });
});

describe('a table of text', () => {
  it('lines columns up as a terminal shows them, Hangul two columns wide', () => {
    expect(
      textTable(
        ['NAME', 'N'],
        [
          ['재즈', '1'],
          ['Jazz!', '22'],
        ],
      ),
    ).toBe('NAME   N\n재즈   1\nJazz!  22\n');
  });
});
