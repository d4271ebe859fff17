import { featuresIn } from '../../../src/integrations/feeds/seat-words.js';
import { documentOf, lines, only, parseJson } from './feed-results.js';

const seat = (guid: string, x: number, category = 'Parkett') => ({
  seat_guid: guid,
  seat_number: guid,
  position: { x, y: 0 },
  category,
});
const zone = (name: string, ...seats: ReturnType<typeof seat>[]) => ({
  name,
  zone_id: name,
  position: { x: 0, y: 0 },
  rows: [{ row_number: 'A', position: { x: 0, y: 0 }, seats }],
  areas: [],
});
const plan = (...zones: unknown[]) => ({ name: 'Grand Hall', categories: [], zones });
const options = { focus: { x: 0, y: 0 }, timeZone: 'Europe/Berlin' };

/** A row of `w`heelchair places, `c`ompanion places and ordinary seats, and what the import makes of it. */
function rowOf(drawing: string) {
  const names: Readonly<Record<string, string>> = { w: 'Rollstuhlplatz', c: 'Begleitperson' };
  const result = parseJson(
    plan(zone('Parkett', ...[...drawing].map((mark, x) => seat(`${x}`, x, names[mark])))),
    options,
  );
  const seats = only(documentOf(result).venues).sections.flatMap(({ rows }) =>
    rows.flatMap((row) => row.seats),
  );
  return seats.map(({ wheelchair, companionOf }) => (wheelchair ? 'w' : (companionOf ?? '.'))).join(' ');
}

describe('names in a plan', () => {
  it.each([
    ['Rollstuhlplatz', ['wheelchair']],
    ['Wheelchair space', ['wheelchair']],
    ['휠체어석', ['wheelchair']],
    ['Wheelchair companion', ['companion']],
    ['Begleitperson Rollstuhl', ['companion']],
    ['휠체어 동반석', ['companion']],
    ['R석(시야제한)', ['restricted-view']],
    ['Sichtbehinderung', ['restricted-view']],
    ['Wheelchair (restricted view)', ['wheelchair', 'restricted-view']],
    ['가족 동반석', []],
    ['Parkett', []],
  ])('say what its seats are: %s', (name, features) =>
    expect(featuresIn(name)).toEqual({ features, isUnclear: false }),
  );

  it.each(['Nicht für Rollstuhl', 'No wheelchair access', '휠체어 불가', 'R석 시야제한 없음'])(
    'say what its seats are not, and nothing is read from them: %s',
    (name) => expect(featuresIn(name)).toEqual({ features: [], isUnclear: true }),
  );
});

describe('the companion places of a plan that only marks them', () => {
  it('belong to the wheelchair place beside them, companion places in between included', () => {
    expect(rowOf('.wc.')).toBe('. w 1 .');
    expect(rowOf('ccw')).toBe('2 2 w');
    expect(rowOf('wccw')).toBe('w 0 3 w');
  });

  it('are shared out when they stand between two wheelchair places', () => {
    expect(rowOf('wcwc')).toBe('w 0 w 2');
    expect(rowOf('cwcw')).toBe('1 w 3 w');
  });

  it('are kept as wheelchair places where none is beside them, which is reported', () => {
    expect(rowOf('w.c')).toBe('w . w');
    const result = parseJson(plan(zone('Parkett', seat('1', 0, 'Begleitperson'))), options);
    expect(lines(result.problems)).toContainEqual(
      expect.stringContaining('no wheelchair place is beside it'),
    );
  });

  it('keep their wheelchair place when ids are repeated and renamed', () => {
    const pair = (x: number, guid: string) => [
      { ...seat('same', x, 'Rollstuhl'), seat_number: `${guid}w` },
      seat(guid, x + 1, 'Begleitperson'),
    ];
    const twoRows = [zone('Left', ...pair(0, 'l')), zone('Right', ...pair(0, 'r'))];
    const result = parseJson(plan(...twoRows), { ...options, dedupe: 'rename' });
    const seats = only(documentOf(result).venues).sections.flatMap(({ rows }) =>
      rows.flatMap((row) => row.seats),
    );
    expect(seats.map(({ seatId, companionOf }) => companionOf ?? seatId)).toEqual([
      'same',
      'same',
      'same/A/rw',
      'same/A/rw',
    ]);
  });
});

it('is said of which names a plan’s features were read, and of how many seats', () => {
  const result = parseJson(
    plan(
      zone(
        'Parkett',
        seat('1', 0, 'Rollstuhl'),
        seat('2', 1, 'Begleitperson'),
        seat('3', 2, 'ohne Rollstuhl'),
      ),
      zone('Rang (eingeschränkte Sicht)', seat('4', 0), seat('5', 1)),
    ),
    options,
  );
  expect(lines(result.problems)).toEqual(
    expect.arrayContaining([
      'changed | "Rollstuhl" (seats: 1) | category | taken as wheelchair places',
      'changed | "Begleitperson" (seats: 1) | category | taken as companion places of the wheelchair places beside them',
      'changed | "ohne Rollstuhl" (seats: 1) | category | says what its seats are not: read as ordinary seats',
      'changed | "Rang (eingeschränkte Sicht)" (seats: 2) | category | taken as seats with a restricted view',
    ]),
  );
  const [, rang] = only(documentOf(result).venues).sections;
  expect(rang?.rows[0]?.seats).toMatchObject([{ restrictedView: true }, { restrictedView: true }]);
});
