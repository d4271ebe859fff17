import { maxSeatsPerSection } from '../../../src/events/catalog-events.js';
import { isStandingText, stageOf } from '../../../src/integrations/feeds/pretix-areas.js';
import { inPhysicalOrder, splitAtAisles } from '../../../src/integrations/feeds/pretix-feed.js';
import { documentOf, lines, only, parseJson } from './feed-results.js';

const at = (x: number, y: number) => ({ x, y });
const seat = (guid: string, x: number, y = 0, more: object = {}) => ({
  seat_guid: guid,
  seat_number: guid.split('-').at(-1),
  uuid: 'ignored',
  position: at(x, y),
  category: 'cat',
  ...more,
});
const row = (row_number: string | undefined, seats: unknown[], position = at(0, 0)) => ({
  row_number,
  row_number_position: 'both',
  position,
  seats,
});
const area = (shape: string, text: string, more: object) => ({
  shape,
  color: '#cccccc',
  border_color: '#000000',
  rotation: 0,
  position: at(0, 0),
  text: { position: at(10, 5), color: '#333333', text },
  ...more,
});
const zone = (rows: unknown[], areas: unknown[] = [], more: object = {}) => ({
  name: 'Floor',
  zone_id: 'F',
  position: at(0, 0),
  rows,
  areas,
  ...more,
});
const plan = (...zones: unknown[]) => ({
  name: 'Grand Hall',
  categories: [{ name: 'cat', color: '#ff0000' }],
  zones,
  size: { width: 100, height: 100 },
});
/** Where the audience looks, so that plans without a stage are complete. */
const options = { focus: at(0, 0) };
const venueOf = (value: unknown) => only(documentOf(parseJson(value)).venues);
const rowsOf = (value: unknown) =>
  venueOf(value).sections.flatMap((section) =>
    section.rows.map((one) => `${one.label}: ${one.seats.map(({ number }) => number).join(' ')}`),
  );

describe('pretix seating plan', () => {
  it('becomes a venue with a section for each zone; positions of zone, row and seat add up', () => {
    const balcony = zone([row('1', [seat('B-1-1', 0)])], [], { name: 'Balcony', zone_id: undefined });
    const stalls = zone([row('A', [seat('F-A-1', 0.333_33, 1), seat('F-A-2', 25, 1)], at(10, 100))], [], {
      position: at(1000, 2000),
    });
    const venue = venueOf(plan(stalls, balcony));
    expect(venue).toMatchObject({ id: 'Grand Hall', name: 'Grand Hall', location: '' });
    expect(venue.sections.map(({ sectionId, name }) => [sectionId, name])).toEqual([
      ['F', 'Floor'],
      ['Balcony', 'Balcony'],
    ]);
    expect(venue.sections[0]?.rows[0]).toEqual({
      label: 'A',
      seats: [
        { seatId: 'F-A-1', number: '1', category: 'cat', x: 1010.33, y: 2101 },
        { seatId: 'F-A-2', number: '2', category: 'cat', x: 1035, y: 2101 },
      ],
    });
  });

  it('puts seats in the order they stand, whichever way they are listed or numbered', () => {
    const rightToLeft = row('A', [seat('a-1', 75), seat('a-2', 50), seat('a-3', 25), seat('a-4', 0)]);
    const jumbled = row('B', [seat('b-3', 50), seat('b-1', 0), seat('b-2', 25)], at(0, 30));
    const downwards = row('C', [seat('c-1', 0, 50), seat('c-2', 0, 25), seat('c-3', 2, 0)], at(0, 90));
    expect(rowsOf(plan(zone([rightToLeft, jumbled, downwards])))).toEqual([
      'A: 4 3 2 1',
      'B: 1 2 3',
      'C: 3 2 1',
    ]);
  });

  it('keeps the order of a row bent round the stage, which no sorting could find', () => {
    const circle = Array.from({ length: 20 }, (_, index) => {
      const angle = Math.PI * (0.6 + (index / 19) * 1.8);
      return { index, x: 100 * Math.cos(angle), y: -100 * Math.sin(angle) };
    });
    expect(inPhysicalOrder(circle).map(({ index }) => index)).toEqual(circle.map(({ index }) => index));
    expect(inPhysicalOrder([...circle].reverse()).map(({ index }) => index)).toEqual(
      circle.map(({ index }) => index),
    );
  });

  it('ends a row at an aisle, so that neighbours in a row are neighbours', () => {
    const seats = [0, 25, 50, 150, 175, 200].map((x, index) => seat(`a-${index + 1}`, x));
    expect(rowsOf(plan(zone([row('A', seats)])))).toEqual(['A: 1 2 3', 'A: 4 5 6']);
    expect(splitAtAisles([at(0, 0), at(25, 0), at(65, 0)])).toHaveLength(1);
    expect(splitAtAisles([at(0, 0), at(0, 0), at(0, 0), at(9, 0)])).toHaveLength(1);
  });

  it('calls a row without a usable name by its place, and says so', () => {
    const result = parseJson(
      plan(zone([row('A', [seat('1', 0)]), row(undefined, [seat('2', 0, 9)])])),
      options,
    );
    expect(only(only(documentOf(result).venues).sections).rows.map(({ label }) => label)).toEqual(['A', '2']);
    const long = parseJson(plan(zone([row('x'.repeat(21), [seat('1', 0)])])), options);
    expect(lines([...result.problems, ...long.problems])).toEqual([
      'changed | zone "Floor" (zones[0]), row (rows[1]) | row_number | has no name; called "2"',
      `changed | zone "Floor" (zones[0]), row "${'x'.repeat(21)}" (rows[0]) | row_number | has a name longer than 20 characters; called "1"`,
    ]);
  });

  it('splits a zone that is larger than a section by rows', () => {
    const rows = Array.from({ length: 9 }, (_, r) =>
      row(
        String(r),
        Array.from({ length: 500 }, (_unused, s) => seat(`${r}-${s}`, s * 10, r * 10)),
      ),
    );
    const { sections } = venueOf(plan(zone(rows), zone([row('z', [seat('z-1', 0)])])));
    expect(sections.map(({ sectionId, name }) => [sectionId, name])).toEqual([
      ['F', 'Floor'],
      ['F-2', 'Floor (2)'],
      ['F-3', 'Floor (3)'],
    ]);
    expect(sections.map((section) => section.rows.length)).toEqual([8, 1, 1]);
    expect(500 * 8).toBe(maxSeatsPerSection);
  });

  it('splits a zone whose names take more bytes than an event may', () => {
    const rows = Array.from({ length: 4 }, (_, r) =>
      row(
        String(r),
        Array.from({ length: 900 }, (_unused, s) =>
          seat(`${'석'.repeat(50)}${r}-${s}`, s * 10, r, { category: '가'.repeat(100) }),
        ),
      ),
    );
    const { sections } = venueOf(plan(zone(rows)));
    expect(sections.length).toBeGreaterThan(1);
    expect(sections.flatMap((section) => section.rows)).toHaveLength(4);
  });

  it('cuts a row of more seats than a row may have', () => {
    const seats = Array.from({ length: 1500 }, (_, s) => seat(`a-${s}`, s));
    const { sections } = venueOf(plan(zone([row('A', seats)])));
    expect(sections[0]?.rows.map((one) => one.seats.length)).toEqual([1000, 500]);
  });

  it('names every seat, row, zone and area it cannot use, and takes the rest', () => {
    const bad = [
      seat('a-1', 0),
      seat('a-2', Number.NaN),
      seat('', 50, 0, { seat_number: 3 }),
      seat('a-4', 75, 0, { category: '' }),
      seat('a-5', 100, 0, { seat_number: 'x'.repeat(21) }),
      seat('a-6', 1e9),
      'seat',
    ];
    const rows = [row('A', bad), row('B', []), { ...row('C', [seat('c-1', 0)]), position: 'left' }, 5];
    const areas = [
      area('star', '', {}),
      area('circle', '', { circle: {} }),
      { ...area('text', 'x', {}), position: null },
      1,
    ];
    const result = parseJson(plan(zone(rows, areas), { ...zone([]), position: 1 }, null), options);
    expect(rowsOf(plan(zone(rows)))).toEqual(['A: 1']);
    const named = result.problems.map(({ record, field, effect }) =>
      [effect, record, field ?? ''].join(' ').trim(),
    );
    const place = 'skipped zone "Floor" (zones[0])';
    expect(named).toEqual([
      'skipped zone "Floor" (zones[1]) position',
      'skipped zone "Zone 3" (zones[2])',
      `${place}, row "A" (rows[0]), seats[1] position`,
      `${place}, row "A" (rows[0]), seats[2] seat_guid`,
      `${place}, row "A" (rows[0]), seats[3] category`,
      `${place}, row "A" (rows[0]), seats[4] seat_number`,
      `${place}, row "A" (rows[0]), seats[5] position`,
      `${place}, row "A" (rows[0]), seats[6]`,
      `${place}, row "B" (rows[1]) seats`,
      `${place}, row "C" (rows[2]) position`,
      `${place}, row (rows[3])`,
      `${place}, areas[0]`,
      `${place}, areas[1]`,
      `${place}, areas[2]`,
      `${place}, areas[3]`,
    ]);
  });

  it('draws areas as decorations at absolute points, with their texts', () => {
    const areas = [
      area('rectangle', 'Bar', { position: at(5, 6), rectangle: { width: 40, height: 20 } }),
      area('circle', '', { circle: { radius: 3 } }),
      area('ellipse', '', { ellipse: { radius: at(4, 2) }, rotation: 90 }),
      area('polygon', '', { polygon: { points: [at(0, 0), at(1, 0), at(0, 1)] } }),
      area('text', 'Exit', { position: at(1, 1), text: { text: 'Exit', position: at(0, 0) } }),
    ];
    const venue = venueOf(plan(zone([row('A', [seat('1', 0)])], areas, { position: at(100, 200) })));
    const [x, y, color] = [100, 200, '#cccccc'];
    expect(venue.decorations).toEqual([
      { shape: 'rectangle', x: 105, y: 206, width: 40, height: 20, color },
      { shape: 'text', x: 115, y: 211, color: '#333333', text: 'Bar' },
      { shape: 'circle', x, y, width: 6, height: 6, color },
      { shape: 'ellipse', x, y, width: 8, height: 4, rotation: 90, color },
      { shape: 'polygon', x, y, points: [at(0, 0), at(1, 0), at(0, 1)], color },
      { shape: 'text', x: 101, y: 201, color, text: 'Exit' },
    ]);
  });

  it('draws at most 2,000 shapes and leaves out those that cannot be', () => {
    const areas = Array.from({ length: 2001 }, () => area('circle', '', { circle: { radius: 1 } }));
    const result = parseJson(plan(zone([row('A', [seat('1', 0)])], areas)), options);
    expect(only(documentOf(result).venues).decorations).toHaveLength(2000);
    expect(result.problems.map(({ effect, field }) => [effect, field])).toEqual([['changed', 'areas']]);
    const long = area('circle', '', { circle: { radius: 1 }, color: 'x'.repeat(31) });
    expect(parseJson(plan(zone([row('A', [seat('1', 0)])], [long]))).problems[0]).toMatchObject({
      field: 'color',
      effect: 'skipped',
    });
  });

  it('looks at the stage', () => {
    const stage = area('rectangle', 'S T A G E', {
      position: at(40, 80),
      rectangle: { width: 20, height: 10 },
    });
    const signs = [area('text', 'Arah Panggung', {}), area('text', 'Arah Panggung', { position: at(9, 9) })];
    const rows = [row('A', [seat('1', 10, 30), seat('2', 35, 30)]), row('B', [seat('3', 10, 60)])];
    expect(venueOf(plan(zone(rows, [...signs, stage], { position: at(1, 2) }))).focus).toEqual(at(51, 87));
    expect(venueOf(plan(zone(rows, signs))).focus).toEqual(at(22.5, 30));
    const turned = { ...stage, rotation: 90 };
    expect(venueOf(plan(zone(rows, [turned]))).focus).toEqual(at(35, 90));
  });

  it('prefers the area called just stage, then a shape that mentions it, then a single text', () => {
    const read = (text: string, isPlainText: boolean, x: number) => ({
      decorations: [],
      text,
      isPlainText,
      centre: at(x, 0),
    });
    const [sign, bar, north] = [
      read('to the stage', true, 1),
      read('Bar', false, 2),
      read('Bühne Nord', false, 3),
    ];
    expect(stageOf([sign, bar, north, read('무대', true, 4)])).toEqual(at(4, 0));
    expect(stageOf([sign, bar, north])).toEqual(at(3, 0));
    expect(stageOf([sign, bar])).toEqual(at(1, 0));
    expect(stageOf([sign, sign, bar])).toBeUndefined();
    expect(stageOf([read('Backstage bar', false, 5)])).toBeUndefined();
  });

  it('says when it recognises no stage, unless the operator gives the point', () => {
    const hall = plan(zone([row('A', [seat('1', 10, 30), seat('2', 35, 30)])]));
    expect(lines(parseJson(hall).problems)).toEqual([
      'changed | plan | areas | no area is recognised as the stage: seats near the middle of the top edge (22.5, 30) count as the best; the option focus gives another point',
    ]);
    const chosen = parseJson(hall, { focus: at(5, 6) });
    expect([only(documentOf(chosen).venues).focus, chosen.problems]).toEqual([at(5, 6), []]);
    const court = area('rectangle', 'COURT', { position: at(0, 90), rectangle: { width: 40, height: 20 } });
    expect(venueOf(plan(zone([row('A', [seat('1', 0)])], [court]))).focus).toEqual(at(20, 100));
  });

  it('tells zones of one name apart', () => {
    const zones = ['1', '2', '3'].map((id) => zone([row('A', [seat(id, 0)])], [], { zone_id: `Z${id}` }));
    const result = parseJson(plan(...zones), options);
    expect(only(documentOf(result).venues).sections.map(({ sectionId, name }) => [sectionId, name])).toEqual([
      ['Z1', 'Floor'],
      ['Z2', 'Floor (2)'],
      ['Z3', 'Floor (3)'],
    ]);
    expect(lines(result.problems)).toEqual([
      'changed | zone "Floor" (zones[1]) | name | another section has this name; called "Floor (2)"',
      'changed | zone "Floor" (zones[2]) | name | another section has this name; called "Floor (3)"',
    ]);
  });

  it('does not take a template for the name of a row, and counts equal reports', () => {
    const rows = Array.from({ length: 600 }, (_, index) => ({
      ...row(undefined, [seat(`s-${index}`, 0, index * 20)]),
      row_label: 'Row %s',
    }));
    const result = parseJson(plan(zone(rows)), options);
    const labels = only(only(documentOf(result).venues).sections).rows.map(({ label }) => label);
    expect([labels[0], labels[599], new Set(labels).size]).toEqual(['1', '600', 600]);
    expect(result.groups).toEqual([
      {
        effect: 'changed',
        field: 'row_number',
        reason: 'has no number for its label …; called …',
        count: 600,
        records: [0, 1, 2].map((index) => `zone "Floor" (zones[0]), row (rows[${index}])`),
      },
    ]);
    const labelled = { ...row('7', [seat('1', 0)]), row_label: 'Row %s' };
    const plain = { ...row(undefined, [seat('2', 0, 20)]), row_label: 'Box' };
    expect(rowsOf(plan(zone([labelled, plain])))).toEqual(['7: 1', 'Box: 2']);
  });

  it('calls categories by the names the plan gives them, and names those without one', () => {
    const [vip, other] = ['5082ad2a-9bde-4642-b68a-64b1ace09b87', '91d89249-7711-4fa6-bcd8-e9174c05437a'];
    const seats = [seat('1', 0, 0, { category: vip }), seat('2', 25, 0, { category: other })];
    const named = (categories: unknown[]) => {
      const result = parseJson({ ...plan(zone([row('A', seats)])), categories }, options);
      const [venue] = documentOf(result).venues;
      return [venue?.sections[0]?.rows[0]?.seats.map(({ category }) => category), lines(result.problems)];
    };
    expect(
      named([
        { id: vip, name: 'VIP' },
        { name: other, label: 'R석'.normalize('NFD') },
      ]),
    ).toEqual([['VIP', 'R석'], []]);
    expect(named([{ uuid: vip, name: 'VIP' }, { name: other }])).toEqual([
      ['VIP', other],
      [
        `changed | category "${other}" (seats: 1) | categories | has no name but a UUID: give the performance a price with a label for it`,
      ],
    ]);
  });

  it('reads plans of the first schema version, whose areas are rectangles with plain text', () => {
    const old = { color: 'red', position: at(0, 0), width: 10, height: 4, text: 'Stage' };
    const venue = venueOf(plan(zone([row('A', [seat('1', 0)])], [old])));
    expect(venue.decorations?.[0]).toMatchObject({ shape: 'rectangle', width: 10, height: 4 });
    expect(venue.focus).toEqual(at(5, 2));
  });

  it('refuses plans without a name, zones or seats', () => {
    for (const value of [{ ...plan(zone([])), name: ' ' }, plan(), plan(zone([row('A', [])])), []]) {
      expect(parseJson(value, {}, 'pretix').kind).toBe('refused');
    }
  });
});

describe('standing areas of a pretix plan', () => {
  const rectangle = { rectangle: { width: 100, height: 40 }, position: at(10, 20) };
  const floor = area('rectangle', 'Stehplätze', rectangle);
  const seated = [row('A', [seat('F-A-1', 0)])];
  const stood = plan(zone(seated, [floor, area('rectangle', 'Bar', rectangle)], { position: at(1000, 0) }));
  const areaReasons = (result: ReturnType<typeof parseJson>) =>
    lines(result.problems).filter((line) => /standing/.test(line));

  it('are sold with the capacity that the option gives, at their middle', () => {
    const result = parseJson(stood, { ...options, standing: { Stehplätze: 300 } });
    expect(only(documentOf(result).venues).sections).toMatchObject([
      { sectionId: 'F', name: 'Floor' },
      {
        sectionId: 'Stehplätze',
        name: 'Stehplätze',
        rows: [],
        standing: { category: 'Stehplätze', capacity: 300, x: 1060, y: 40 },
      },
    ]);
    expect(areaReasons(result)).toEqual([]);
    // Also in the other Unicode form, and when there is no seat at all.
    const decomposed = { ['Stehplätze'.normalize('NFD')]: 5 };
    const seatless = parseJson(plan(zone([], [floor])), { ...options, standing: decomposed });
    expect(only(documentOf(seatless).venues).sections).toMatchObject([{ standing: { capacity: 5 } }]);
  });

  it('are reported without the option, since the plan does not say how many people they hold', () => {
    const result = parseJson(stood, options);
    expect(only(documentOf(result).venues).sections).toHaveLength(1);
    expect(areaReasons(result)).toEqual([
      expect.stringMatching(/^changed \| area "Stehplätze" \| areas \| seems to be a standing area/),
    ]);
  });

  it('are refused by a text that no area has, and taken together when several have it', () => {
    const unknown = parseJson(stood, { ...options, standing: { Pit: 5 } });
    expect(unknown.kind).toBe('refused');
    expect(lines(unknown.problems)).toContain(
      'refused | option standing | Pit | no area of the plan has the text "Pit"; it has "Stehplätze", "Bar"',
    );
    const twice = plan(zone(seated, [floor, floor]));
    const result = parseJson(twice, { ...options, standing: { Stehplätze: 300 } });
    expect(only(documentOf(result).venues).sections).toHaveLength(2);
    expect(areaReasons(result)).toEqual([]);
    expect(lines(result.problems)).toEqual([expect.stringContaining('2 areas have this text')]);
  });

  it('of other formats are not named by an option, which is said', () => {
    const document = { format: 'boxoffice-catalog', version: 1, source: 's', venues: [], performances: [] };
    expect(lines(parseJson(document, { standing: { Pit: 5 } }).problems)).toContain(
      'changed | option standing | only a pretix plan has areas that it names, so it was not used',
    );
  });

  it.each(['Standing', 'STANDING A', 'Stehplätze', '스탠딩 A구역', '입석', 'General Admission'])(
    'may be called %s',
    (text) => expect(isStandingText(text)).toBe(true),
  );
  it.each(['Bar', 'Outstanding', 'Stage', 'VIP'])('are not called %s', (text) =>
    expect(isStandingText(text)).toBe(false),
  );
});
