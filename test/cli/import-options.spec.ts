import { CliFailure } from '../../src/cli/command.js';
import { toFeedOptions, toQuery } from '../../src/cli/import.js';
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
    expect(toFeedOptions({ sales: ['opensAt=null'] })).toEqual({ sales: { opensAt: null } });
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
