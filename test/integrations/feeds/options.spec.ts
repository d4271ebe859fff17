import { venueIdSchema } from '../../../src/events/ids.js';
import type { FeedOptions } from '../../../src/integrations/feeds/feed.js';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';
import { documentOf, lines, only, parseJson } from './feed-results.js';

const venueId = venueIdSchema.parse('5b6f0f5e-8a35-4f3c-9d0e-0d5c0f8f7a11');
const venue = (id: string, ...seatIds: string[]) => ({
  id,
  name: id,
  location: '',
  sections:
    seatIds.length === 0
      ? []
      : [
          {
            sectionId: 'main',
            name: 'Main',
            rows: seatIds.map((seatId) => ({
              label: seatId,
              seats: [{ seatId, number: '1', category: 'R', x: 0, y: 0 }],
            })),
          },
        ],
});
const performance = (id: string, venueOf: string) => ({
  id,
  venue: venueOf,
  name: id,
  startDate: '2023-09-30',
  endDate: '2023-10-01',
  prices: [
    { category: 'R', label: 'R석', price: 1000 },
    { category: 'S', price: 500 },
  ],
  sales: { opensAt: '2023-09-01T00:00:00Z', seatLimitPerUser: 6 },
  schedules: [{ id: `${id}-1`, startsAt: '2023-09-30T10:00:00Z' }],
});
const feed = (venues: unknown[], performances: unknown[]) => ({
  format: 'boxoffice-catalog',
  version: 1,
  source: 'test',
  venues,
  performances,
});
const twoHalls = feed([venue('a', '1'), venue('b', '1')], [performance('p', 'a'), performance('q', 'b')]);

describe('feed options', () => {
  it('refuses a plan with repeated seat ids with the full list, or keeps the first of each with dedupe', () => {
    const plan = feed([venue('a', '1', '2', '1', '1', '2')], []);
    const strict = parseJson(plan);
    expect(strict.kind).toBe('refused');
    const reason =
      'another seat has this id; with the option dedupe the first is kept, or the others are renamed (dedupe=rename)';
    expect(lines(strict.problems)).toEqual([
      `refused | venue "a", seat "1" | seatId | ${reason}`,
      `refused | venue "a", seat "1" | seatId | ${reason}`,
      `refused | venue "a", seat "2" | seatId | ${reason}`,
      'refused | feed | has nothing that can be imported',
    ]);
    const deduped = parseJson(plan, { dedupe: true });
    expect(only(only(documentOf(deduped).venues).sections).rows.map((row) => row.label)).toEqual(['1', '2']);
    expect(lines(deduped.problems)).toEqual(
      ['1', '1', '2'].map(
        (id) =>
          `skipped | venue "a", section "main", row "${id}", number "1" | seatId | an earlier seat has the id "${id}"`,
      ),
    );
  });

  it('renames the others of several seats with one id when asked to, always to the same', () => {
    const numbered = (...numbers: string[]) => {
      const plan = venue('a', '1', '2', '1');
      const rows = plan.sections.flatMap((section) => section.rows);
      const seats = numbers.map((number, index) => ({ ...rows[index]?.seats[0], number }));
      const sections = [{ ...plan.sections[0], rows: seats.map((one) => ({ label: 'A', seats: [one] })) }];
      return parseJson(feed([{ ...plan, sections }], []), { dedupe: 'rename' });
    };
    const renamed = numbered('1', '2', '3');
    const idsOf = (result: ReturnType<typeof numbered>) =>
      only(only(documentOf(result).venues).sections).rows.map((row) => row.seats[0]?.seatId);
    expect(idsOf(renamed)).toEqual(['1', '2', '1/A/3']);
    expect(lines(renamed.problems)).toEqual([
      'changed | venue "a", section "main", row "A", number "3" | seatId | an earlier seat has the id "1"; called "1/A/3"',
    ]);
    // A repeated place is the same seat again.
    const again = numbered('1', '2', '1');
    expect(idsOf(again)).toEqual(['1', '2']);
    expect(again.problems.map(({ effect }) => effect)).toEqual(['skipped']);
  });

  it('takes only the records asked for, with their venues, and names those it cannot find', () => {
    const result = parseJson(twoHalls, { only: ['q', 'nowhere'] });
    expect(documentOf(result).venues.map(({ id }) => id)).toEqual(['b']);
    expect(documentOf(result).performances.map(({ id }) => id)).toEqual(['q']);
    expect(lines(result.problems)).toEqual([
      'skipped | "nowhere" | was asked for, but the feed has no such record',
    ]);
    const venues = documentOf(parseJson(twoHalls, { only: ['a'] }));
    expect([venues.venues.map(({ id }) => id), venues.performances]).toEqual([['a'], []]);
  });

  it('reports only what concerns the records asked for', () => {
    const bad = { ...performance('bad', 'a'), startDate: 'soon' };
    const oddVenue = { ...venue('odd', '1'), decorations: [{ shape: 'star', x: 0, y: 0 }] };
    const both = feed(
      [...twoHalls.venues, oddVenue, 7],
      [...twoHalls.performances, bad, performance('q', 'b')],
    );
    expect(lines(parseJson(both).problems)).toHaveLength(4);
    expect(lines(parseJson(both, { only: ['p'] }).problems)).toEqual([]);
    expect(lines(parseJson(both, { only: ['q'] }).problems)).toEqual([
      'changed | performance "q" (performances[3]) | id | stands in the feed again: the first is taken',
    ]);
    expect(parseJson(both, { only: ['bad'] }).problems.map(({ record }) => record)).toEqual([
      'performance "bad" (performances[2])',
    ]);
  });

  it('gives the time zone to venues and performances that state none', () => {
    const elsewhere = { ...performance('q', 'b'), venue: undefined, venueId };
    const zoned = { ...venue('b', '1'), timeZone: 'Europe/Berlin' };
    const document = documentOf(
      parseJson(feed([venue('a', '1'), zoned], [performance('p', 'a'), elsewhere]), {
        timeZone: 'Asia/Seoul',
      }),
    );
    expect(document.venues.map(({ timeZone }) => timeZone)).toEqual(['Asia/Seoul', 'Europe/Berlin']);
    expect(document.performances.map(({ timeZone }) => timeZone)).toEqual([undefined, 'Asia/Seoul']);
  });

  it('names chosen categories that the feed does not have, and refuses them for a plan alone', () => {
    const prices = [
      { category: 'R', price: 1 },
      { category: 'VIP', price: 2 },
      { category: '*', price: 3 },
    ];
    expect(parseJson(twoHalls, { prices })).toMatchObject({ kind: 'parsed', unlistedPrices: ['VIP'] });
    const plan = feed([venue('a', '1')], []);
    expect(lines(parseJson(plan, { prices }).problems)).toEqual([
      'refused | option prices | VIP | no seat of the feed has the category "VIP"; it has "R"',
      'refused | feed | has nothing that can be imported',
    ]);
    expect(lines(parseJson(plan, { prices: prices.slice(0, 1) }).problems)).toEqual([
      'changed | option prices | the feed has no performances, so no price was set: give prices with the performance',
    ]);
  });

  it('compares categories in one Unicode form', () => {
    const seats = [{ seatId: '1', number: '1', category: 'R석'.normalize('NFD'), x: 0, y: 0 }];
    const hall = { ...venue('a'), sections: [{ sectionId: 's', name: '석', rows: [{ label: 'A', seats }] }] };
    const prices = [{ category: 'R석', price: 1 }];
    const document = documentOf(parseJson(feed([hall], [{ ...performance('p', 'a'), prices }])));
    const [category] = document.venues.flatMap(
      ({ sections }) => sections[0]?.rows[0]?.seats[0]?.category ?? [],
    );
    expect(category).toBe(document.performances[0]?.prices[0]?.category);
  });

  it('holds performances in a published venue instead of their own', () => {
    const document = documentOf(parseJson(twoHalls, { venueId }));
    expect(document.venues).toEqual([]);
    expect(document.performances.map((one) => [one.venue, one.venueId])).toEqual([
      [undefined, venueId],
      [undefined, venueId],
    ]);
  });

  it('publishes a single plan onto a published venue, and refuses to choose among several', () => {
    const document = documentOf(parseJson(feed([venue('a', '1')], []), { venueId }));
    expect(only(document.venues)).toMatchObject({ id: 'a', venueId });
    const several = parseJson(feed([venue('a', '1'), venue('b', '1')], []), { venueId });
    expect(several.kind).toBe('refused');
    expect(several.problems[0]).toMatchObject({ record: 'option venueId', effect: 'refused' });
    const chosen = parseJson(feed([venue('a', '1'), venue('b', '1')], []), { venueId, only: ['b'] });
    expect(only(documentOf(chosen).venues)).toMatchObject({ id: 'b', venueId });
  });

  it('replaces and adds prices, keeping the labels of those it replaces', () => {
    const prices = [
      { category: 'R', price: 2000 },
      { category: 'S', price: null },
      { category: 'V', price: 9 },
    ];
    expect(documentOf(parseJson(twoHalls, { prices })).performances[1]?.prices).toEqual([
      { category: 'R', label: 'R석', price: 2000 },
      { category: 'S', price: null },
      { category: 'V', price: 9 },
    ]);
  });

  it('replaces sales rules one by one', () => {
    const document = documentOf(parseJson(twoHalls, { sales: { opensAt: null, maxActive: 7 } }));
    expect(document.performances[0]?.sales).toEqual({ opensAt: null, seatLimitPerUser: 6, maxActive: 7 });
  });

  it('moves every date and time by whole days, but not the rules chosen by hand', () => {
    const [first] = documentOf(parseJson(twoHalls, { shiftDays: 154 })).performances;
    expect(first).toMatchObject({
      startDate: '2024-03-02',
      endDate: '2024-03-03',
      sales: { opensAt: '2024-02-02T00:00:00.000Z' },
    });
    expect(first?.schedules[0]?.startsAt).toBe('2024-03-02T10:00:00.000Z');
    const opensAt = first?.schedules[0]?.startsAt ?? null;
    const chosen = documentOf(parseJson(twoHalls, { shiftDays: -1, sales: { opensAt } }));
    expect(chosen.performances[0]?.sales?.opensAt).toBe(opensAt);
    expect(chosen.performances[0]?.startDate).toBe('2023-09-29');
  });

  it('keeps the local time of what it moves over a clock change', () => {
    const hall = { ...venue('a'), timeZone: 'Europe/Berlin' };
    const evening = {
      ...performance('p', 'a'),
      sales: { opensAt: '2023-09-01T08:00:00Z', closesAt: '2023-10-28T17:00:00Z' },
      schedules: [{ id: 's', startsAt: '2023-10-28T19:30:00+02:00' }],
    };
    const [moved] = documentOf(parseJson(feed([hall], [evening]), { shiftDays: 154 })).performances;
    expect(moved?.schedules[0]?.startsAt).toBe('2024-03-30T18:30:00.000Z');
    expect(moved?.sales).toEqual({
      opensAt: '2024-02-02T09:00:00.000Z',
      closesAt: '2024-03-30T18:00:00.000Z',
    });
  });

  it('skips what cannot be moved that far', () => {
    const old = { ...performance('p', 'a'), startDate: '1001-01-01' };
    const far = { ...performance('q', 'a'), sales: { closesAt: '1001-01-01T00:00:00Z' } };
    const result = parseJson(feed([venue('a')], [old, far]), { shiftDays: -3650 });
    expect(lines(result.problems)).toEqual([
      'skipped | performance "p" | startDate | cannot be moved by -3650 days',
      'skipped | performance "q" | startDate | cannot be moved by -3650 days',
    ]);
  });

  it('names the only venue, and says so when there are more', () => {
    const one = documentOf(parseJson(feed([venue('a')], []), { venueName: '큰 극장', source: 'elsewhere' }));
    expect([one.source, only(one.venues).name, only(one.venues).id]).toEqual(['elsewhere', '큰 극장', 'a']);
    const two = parseJson(twoHalls, { venueName: 'X' });
    expect(documentOf(two).venues.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(lines(two.problems)).toEqual([
      'changed | option venueName | the feed has 2 venues, so it was not used',
    ]);
  });

  it('refuses options that are none', () => {
    const wrong: FeedOptions[] = [{ shiftDays: 1.5 }, { pointsPerUnit: 0 }, { sales: { maxActive: 0 } }];
    for (const options of wrong) {
      const result = parseFeed({ text: JSON.stringify(twoHalls), options });
      expect([result.kind, result.problems[0]?.record.startsWith('option ')]).toEqual(['refused', true]);
    }
  });
});
