import fc from 'fast-check';
import { catalogDocumentSchema } from '../../../src/domain/catalog-document.js';
import { type FeedOptions, feedFormats, maxProblems } from '../../../src/integrations/feeds/feed.js';
import { parseFeed } from '../../../src/integrations/feeds/parse-feed.js';
import { documentOf, lines, only, parseJson, problemsOf } from './feed-results.js';

const formats = fc.constantFrom('auto' as const, ...feedFormats);

/** What any result must be: refused with a reason, or a document that can be published. */
function expectSound(text: string, format: (typeof feedFormats)[number] | 'auto', options: FeedOptions = {}) {
  const result = parseFeed({ text, format, options });
  expect(result.problems.length).toBeLessThanOrEqual(maxProblems);
  if (result.kind === 'refused') {
    expect(result.problems.length).toBeGreaterThan(0);
    return;
  }
  expect(problemsOf(result.document)).toEqual([]);
  expect(catalogDocumentSchema.safeParse(result.document).error).toBeUndefined();
}

/** Objects that have a format's keys, holding anything: they get further into a parser than noise does. */
const keys = [
  ...[
    'format',
    'version',
    'source',
    'venues',
    'performances',
    'id',
    'venue',
    'name',
    'sections',
    'schedules',
  ],
  ...[
    'zones',
    'rows',
    'seats',
    'areas',
    'seat_guid',
    'seat_number',
    'category',
    'position',
    'x',
    'y',
    'shape',
  ],
  ...[
    'text',
    'rotation',
    'rectangle',
    'polygon',
    'points',
    'row_number',
    '_embedded',
    'events',
    'dates',
    'start',
  ],
  ...[
    'localDate',
    'dateTime',
    'timezone',
    'priceRanges',
    'max',
    'currency',
    'sales',
    'public',
    'startDateTime',
  ],
  ...[
    'ticketLimit',
    'info',
    'page',
    'totalElements',
    'address',
    'city',
    'status',
    'code',
    '__proto__',
    'toString',
  ],
];
const leaf = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '2026-09-11',
    '2026-09-11T09:00:00Z',
    'AUD',
    'boxoffice-catalog',
    'stage',
    'text',
    'polygon',
    'A-1',
  ),
  fc.double(),
  fc.integer({ min: -5, max: 50 }),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 7, withCrossShrink: true },
    leaf,
    fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 8 }),
    fc.array(tie('tree'), { maxLength: 4 }),
  ),
}));

describe('hostile and broken feeds', () => {
  it('never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), formats, (text, format) =>
        expectSound(text, format),
      ),
    );
  });

  it('never throw, whatever the JSON', () => {
    fc.assert(fc.property(fc.json(), formats, (text, format) => expectSound(text, format)));
  });

  it('never throw when known keys hold anything, in any format and with any options', () => {
    const options = fc.record(
      {
        dedupe: fc.boolean(),
        shiftDays: fc.integer(),
        pointsPerUnit: fc.double(),
        only: fc.array(fc.string()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(tree, formats, options, (value, format, chosen) => {
        expectSound(JSON.stringify(value), format, chosen);
      }),
      { numRuns: 500 },
    );
  });

  it('never throw when any part of a sound plan or event is replaced by anything', () => {
    const at = fc.record({ x: leaf, y: leaf });
    const seat = fc.record({
      seat_guid: leaf,
      seat_number: leaf,
      category: leaf,
      position: fc.oneof(at, leaf),
    });
    const row = fc.record({
      row_number: leaf,
      position: at,
      seats: fc.array(fc.oneof(seat, leaf), { maxLength: 4 }),
    });
    const area = fc.record({
      shape: leaf,
      position: at,
      text: fc.oneof(leaf, fc.record({ text: leaf, position: at })),
      polygon: tree,
    });
    const zone = fc.record({
      name: leaf,
      position: at,
      rows: fc.array(row, { maxLength: 3 }),
      areas: fc.array(area, { maxLength: 3 }),
    });
    const plan = fc.record({ name: fc.constant('Plan'), zones: fc.array(zone, { maxLength: 3 }) });
    const event = fc.record({
      id: leaf,
      name: leaf,
      dates: tree,
      priceRanges: tree,
      sales: tree,
      ticketLimit: tree,
      _embedded: tree,
    });
    const page = fc.record({
      _embedded: fc.record({ events: fc.array(event, { maxLength: 3 }) }),
      page: tree,
    });
    fc.assert(
      fc.property(fc.oneof(plan, page, event), fc.boolean(), (value, dedupe) => {
        expectSound(JSON.stringify(value), 'auto', { dedupe });
      }),
      { numRuns: 500 },
    );
  });

  it('never throw, whatever stands in the elements of KOPIS XML', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 20 }).map((part) => part.replace(/[<&]/g, '')),
      fc.constantFrom(
        '2026.09.19',
        '토요일(17:00)',
        '화요일 ~ 금요일(19:30)',
        'R석 1,000원',
        '<a/>',
        '<db/>',
        '&lt;',
        '((,))',
      ),
    );
    const names = [
      'mt20id',
      'mt10id',
      'mt13id',
      'prfnm',
      'prfpdfrom',
      'prfpdto',
      'fcltynm',
      'dtguidance',
      'pcseguidance',
      'mt13s',
      'mt13',
    ];
    const element = fc
      .tuple(fc.constantFrom(...names), text)
      .map(([name, body]) => `<${name}>${body}</${name}>`);
    const db = fc.array(element, { maxLength: 12 }).map((elements) => `<db>${elements.join('')}</db>`);
    fc.assert(
      fc.property(fc.array(db, { maxLength: 3 }), (dbs) =>
        expectSound(`<dbs>${dbs.join('')}</dbs>`, 'kopis'),
      ),
      { numRuns: 300 },
    );
  });

  it('are refused with the reason when they are malformed', () => {
    const reasonOf = (text: string) => lines(parseFeed({ text, options: {} }).problems).at(-1) ?? '';
    expect(reasonOf('{"zones": [')).toContain('refused | feed | is not JSON');
    expect(reasonOf('')).toContain('is not JSON');
    expect(reasonOf('<dbs><db></dbs>')).toContain('refused | feed | is not XML');
    expect(reasonOf('{"hello": 1}')).toContain('is in none of the known formats');
    expect(reasonOf('[]')).toContain('is in none of the known formats');
    expect(reasonOf('<html></html>')).toContain('has nothing that can be imported');
  });

  it('are refused when nested too deeply, before they are parsed', () => {
    const deep = `{"zones":${'['.repeat(5_000_000)}`;
    expect(lines(parseFeed({ text: deep, options: {} }).problems)).toEqual([
      'refused | feed | is nested deeper than 64 levels',
    ]);
    const brackets = { name: 'plan', zones: [], note: `\\"${'['.repeat(100)}` };
    expect(lines(parseJson(brackets).problems)[0]).toContain('has no seats');
    const xml = `<dbs>${'<db>'.repeat(500)}${'</db>'.repeat(500)}</dbs>`;
    expect(parseFeed({ text: xml, options: {} }).problems[0]?.reason).toContain('is not XML');
  });

  it('are refused when they hold more values than any feed needs', () => {
    const reasons = (text: string) => parseFeed({ text, options: {} }).problems.map(({ reason }) => reason);
    expect(reasons(`{"zones":[${'0,'.repeat(4_000_000)}0]}`)).toEqual(['has more than 4000000 values']);
    expect(reasons(`{"zones":[${'0,'.repeat(1_000_000)}0]}`)).toEqual([
      'holds more than 1000000 seats, points and other elements',
    ]);
    const seats = `"seats":[${'0,'.repeat(250_000)}0]`;
    expect(reasons(`{"name":"x","zones":[{"rows":[{${seats}}]}]}`)[0]).toBe(
      'holds more than 250000 seats, points and other elements',
    );
    const venue = `{"id":"a","name":"a","location":"","sections":[{"rows":[{${seats}}]}]}`;
    expect(reasons(`{"format":"boxoffice-catalog","version":1,"source":"x","venues":[${venue}]}`)[0]).toBe(
      'holds more than 250000 seats, points and other elements',
    );
    expect(reasons(`<dbs>${'<db/>'.repeat(1_000_001)}</dbs>`)).toEqual(['has more than 1000000 tags']);
  });

  it('are refused when XML declares entities that could expand without end', () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">${Array.from(
      { length: 9 },
      (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`,
    ).join('')}]><dbs><db><mt20id>&l9;</mt20id></db></dbs>`;
    expect(lines(parseFeed({ text: bomb, options: {} }).problems)).toEqual([
      'refused | feed | has a document type declaration, which is not accepted',
    ]);
  });

  it('are refused when larger than 32 MiB, counted in bytes', () => {
    const large = `{"zones":"${'석'.repeat(12_000_000)}"}`;
    expect(lines(parseFeed({ text: large, options: {} }).problems)).toEqual([
      'refused | feed | is larger than 32 MiB',
    ]);
  });

  it('lose seats whose coordinates are no finite numbers', () => {
    const seat = (id: string, x: string) =>
      `{"seat_guid":"${id}","seat_number":"1","category":"c","position":{"x":${x},"y":0}}`;
    const seats = [seat('a', '1'), seat('b', '1e999'), seat('c', '"2"'), seat('d', 'null'), seat('e', '2e7')];
    const text = `{"name":"Hall","zones":[{"rows":[{"row_number":"A","seats":[${seats.join(',')}]}]}]}`;
    const result = parseFeed({ text, options: { focus: { x: 0, y: 0 } } });
    expect(only(only(documentOf(result).venues).sections).rows[0]?.seats.map(({ seatId }) => seatId)).toEqual(
      ['a'],
    );
    expect(result.problems.map(({ field }) => field)).toEqual(Array(4).fill('position'));
  });

  it('may begin with a byte order mark', () => {
    const plan = {
      name: 'Hall',
      zones: [
        {
          rows: [{ seats: [{ seat_guid: '1', seat_number: '1', position: { x: 0, y: 0 }, category: 'c' }] }],
        },
      ],
    };
    expect(documentOf(parseFeed({ text: `\uFEFF${JSON.stringify(plan)}`, options: {} })).venues).toHaveLength(
      1,
    );
  });

  it('list at most 1,000 problems, count the rest and keep each short', () => {
    const seats = Array.from({ length: 1500 }, () => ({ seat_guid: 'x'.repeat(100_000) }));
    const good = { seat_guid: '1', seat_number: '1', position: { x: 0, y: 0 }, category: 'c' };
    const plan = {
      name: 'Hall',
      zones: [{ name: 'z'.repeat(90), rows: [{ row_number: 'A', seats: [good, ...seats.slice(0, 200)] }] }],
    };
    const options = { focus: { x: 0, y: 0 } };
    expect(parseJson(plan, options).problems).toHaveLength(200);
    const bad = {
      ...plan,
      zones: [{ name: 'z'.repeat(9000), rows: [{ row_number: 'A', seats: [good, ...Array(1500).fill(0)] }] }],
    };
    const result = parseJson(bad, options);
    expect([result.problems.length, result.moreProblems]).toEqual([maxProblems, 500]);
    expect(Math.max(...result.problems.map((problem) => problem.record.length))).toBeLessThanOrEqual(300);
    expect(only(documentOf(result).venues).sections).toHaveLength(1);
  });

  it('cannot pollute prototypes', () => {
    const text =
      '{"format":"boxoffice-catalog","version":1,"source":"x","venues":[{"__proto__":{"id":"a"}}]}';
    expect(parseFeed({ text, options: {} }).kind).toBe('refused');
    const xml = '<dbs><db><__proto__><mt20id>1</mt20id></__proto__></db></dbs>';
    expect(parseFeed({ text: xml, options: {} }).kind).toBe('refused');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('are refused as a whole venue when it has more seats than a venue may', () => {
    const rows = Array.from({ length: 101 }, (_, r) => ({
      row_number: String(r),
      seats: Array.from({ length: 1000 }, (_unused, s) => ({
        seat_guid: `${r}-${s}`,
        seat_number: '1',
        category: 'c',
        position: { x: s, y: r },
      })),
    }));
    expect(lines(parseJson({ name: 'Huge', zones: [{ rows }] }).problems)).toContain(
      'refused | venue "Huge" | sections | has 101000 seats; a venue may have 100000',
    );
  });
});
