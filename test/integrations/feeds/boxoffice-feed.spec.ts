import { readFileSync } from 'node:fs';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';
import { documentOf, lines, only, parseJson, problemsOf } from './feed-results.js';

const seat = (seatId: string, more: object = {}) => ({
  seatId,
  number: seatId.trim().slice(0, 20) || '1',
  category: 'R',
  x: 0,
  y: 0,
  ...more,
});
const hall = {
  id: 'hall',
  name: 'Hall',
  location: 'Seoul',
  sections: [{ sectionId: 'main', name: 'Main', rows: [{ label: 'A', seats: [seat('A-1'), seat('A-2')] }] }],
};
const show = {
  id: 'show',
  venue: 'hall',
  name: 'Show',
  startDate: '2026-10-01',
  endDate: '2026-10-02',
  prices: [{ category: '*', price: 1000 }],
  schedules: [{ id: 'show-1', startsAt: '2026-10-01T19:00:00+09:00' }],
};
const feed = (venues: unknown, performances: unknown) => ({
  format: 'boxoffice-catalog',
  version: 1,
  source: 'test',
  venues,
  performances,
});

describe('own catalog JSON', () => {
  it('reads the example of the documentation whole', () => {
    const example = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/feeds.md', 'utf8'))?.[1] ?? '';
    const result = parseFeed({ text: example, options: {} });
    const document = documentOf(result);
    expect(result.problems).toEqual([]);
    expect(problemsOf(document)).toEqual([]);
    expect(only(only(document.venues).sections).rows.map((row) => row.seats.length)).toEqual([2, 2]);
    const performance = only(document.performances);
    expect(performance.sales).toEqual({ opensAt: '2026-09-01T11:00:00.000Z', seatLimitPerUser: 4 });
    expect(performance.schedules[1]).toEqual({
      id: 'autumn-songs-2',
      startsAt: '2026-10-17T10:30:00.000Z',
      status: 'scheduled',
    });
  });

  it('leaves out bad seats, schedules and decorations one by one and names them', () => {
    const venue = {
      ...hall,
      decorations: [
        { shape: 'star', x: 0, y: 0 },
        { shape: 'circle', x: 0, y: 0, width: 5 },
      ],
      sections: [
        {
          sectionId: 'main',
          name: 'Main',
          rows: [
            { label: 'A', seats: [seat('A-1'), seat(' A-2'), seat('A-3', { x: 'left' })] },
            { label: 'B', seats: [seat('')] },
          ],
        },
        { sectionId: 'empty', name: 'Empty', rows: [] },
      ],
    };
    const performance = { ...show, schedules: [...show.schedules, { id: 'x', startsAt: 'soon' }] };
    const result = parseJson(feed([venue], [performance]));
    const document = documentOf(result);
    const read = only(document.venues);
    expect(
      read.sections.map((section) => section.rows.map((row) => row.seats.map((one) => one.seatId))),
    ).toEqual([[['A-1']]]);
    expect(read.decorations?.map((decoration) => decoration.shape)).toEqual(['circle']);
    expect(only(document.performances).schedules.map((schedule) => schedule.id)).toEqual(['show-1']);
    expect(result.problems.every((problem) => problem.effect === 'skipped')).toBe(true);
    const named = new Set(result.problems.map(({ record, field }) => `${record} ${field}`));
    expect([...named].sort()).toEqual([
      'performance "show" (performances[0]), schedules[1] startsAt',
      'venue "hall" (venues[0]), decorations[0] shape',
      'venue "hall" (venues[0]), sections[0].rows[0].seats[1] seatId',
      'venue "hall" (venues[0]), sections[0].rows[0].seats[2] x',
      'venue "hall" (venues[0]), sections[0].rows[1].seats[0] seatId',
      'venue "hall" (venues[0]), sections[1] rows',
    ]);
  });

  it('leaves out a performance with an unreadable price rather than sell it at another', () => {
    const prices = [
      { category: 'R', price: 'dear' },
      { category: '*', price: 1 },
    ];
    const result = parseJson(
      feed(
        [hall],
        [
          { ...show, prices },
          { ...show, id: 'other', schedules: [] },
        ],
      ),
    );
    expect(documentOf(result).performances.map((performance) => performance.id)).toEqual(['other']);
    expect(lines(result.problems)).toEqual([
      expect.stringContaining('skipped | performance "show" (performances[0]) | prices[0].price | '),
    ]);
  });

  it('leaves out a venue of which nothing is left; the catalog may have it, so its performances stay', () => {
    const broken = {
      ...hall,
      sections: [{ sectionId: 'm', name: 'M', rows: [{ label: 'A', seats: [seat('')] }] }],
    };
    const result = parseJson(feed([broken, { ...hall, id: 'other' }], [show]));
    expect(documentOf(result).venues.map((venue) => venue.id)).toEqual(['other']);
    expect(documentOf(result).performances.map(({ id }) => id)).toEqual(['show']);
    expect(lines(result.problems)).toContain(
      'skipped | venue "hall" (venues[0]) | nothing of it can be used',
    );
  });

  it('keeps the first of records with one id', () => {
    const again = { ...show, name: 'Again', schedules: [] };
    const third = { ...show, id: 'third', schedules: [...show.schedules, ...show.schedules] };
    const result = parseJson(feed([hall, { ...hall, name: 'Again' }], [show, again, third]));
    const document = documentOf(result);
    expect(document.venues.map((venue) => venue.name)).toEqual(['Hall']);
    expect(document.performances.map(({ id, schedules }) => [id, schedules.length])).toEqual([
      ['show', 1],
      ['third', 1],
    ]);
    expect(lines(result.problems)).toEqual([
      'changed | venue "hall" (venues[1]) | id | stands in the feed again: the first is taken',
      'changed | performance "show" (performances[1]) | id | stands in the feed again: the first is taken',
      'changed | performance "third", schedule "show-1" | id | stands in the feed again: the first is taken',
    ]);
    expect(problemsOf(document)).toEqual([]);
  });

  it('skips performances that end before they start and records that are no objects', () => {
    const result = parseJson(feed([hall, 7], [{ ...show, endDate: '2026-09-01' }, null]));
    expect(documentOf(result).performances).toEqual([]);
    expect(lines(result.problems)).toEqual([
      'skipped | venues[1] | is not a venue',
      'skipped | performances[1] | is not a performance',
      'skipped | performance "show" | endDate | 2026-09-01 is before startDate 2026-10-01',
    ]);
  });

  it('takes performances in a venue that only the catalog may have', () => {
    const result = parseJson(feed([], [show]));
    expect(documentOf(result).performances).toHaveLength(1);
    expect(result.problems).toEqual([]);
  });

  it('refuses other versions and misspelt envelopes', () => {
    for (const changed of [{ version: 2 }, { source: '' }, { venue: [] }, { venues: {} }]) {
      const result = parseJson({ ...feed([hall], [show]), ...changed });
      expect(result.kind).toBe('refused');
      expect(result.problems[0]).toMatchObject({ record: 'document', effect: 'refused' });
    }
  });
});
