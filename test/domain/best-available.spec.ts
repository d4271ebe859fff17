import fc from 'fast-check';
import { chooseBestAvailable } from '../../src/domain/best-available.js';
import { type PlanRow, standingRow } from '../../src/events/catalog-events.js';
import { seatIdSchema } from '../../src/events/ids.js';

/** A row of seats one unit apart; a space in the drawing is an aisle, `x` is taken, a letter a category. */
function row(label: string, y: number, drawing: string): { row: PlanRow; taken: string[] } {
  const taken: string[] = [];
  const seats = [...drawing].flatMap((mark, x) => {
    if (mark === ' ') return [];
    const id = `${label}-${x}`;
    if (mark === 'x') taken.push(id);
    const category = /[A-Z]/.test(mark) ? mark : 'R';
    return [{ seatId: seatIdSchema.parse(id), number: `${x}`, category, x, y }];
  });
  return { row: { label, seats }, taken };
}

/** The places of a standing area, all at its middle. */
function standing(ids: readonly string[], middle: { x: number; y: number }): PlanRow {
  return {
    label: standingRow,
    seats: ids.map((id, index) => ({
      seatId: seatIdSchema.parse(id),
      number: String(index + 1),
      category: 'R',
      ...middle,
    })),
  };
}

/** The chosen seats, sorted; rows are drawn from the stage backwards. */
function choose(
  drawings: readonly string[],
  quantity: number,
  options: { category?: string; focus?: { x: number; y: number } } = {},
) {
  const drawn = drawings.map((drawing, y) => row(String.fromCharCode(65 + y), y, drawing));
  const taken = new Set(drawn.flatMap((one) => one.taken));
  const isFree = (seat: { seatId: string }) => !taken.has(seat.seatId);
  return chooseBestAvailable({
    rows: drawn.map((one) => one.row),
    quantity,
    isFree,
    isEligible: (seat) =>
      isFree(seat) && (options.category === undefined || seat.category === options.category),
    focus: options.focus,
  })?.sort();
}

describe('the best available seats', () => {
  it('are side by side in the middle of the front row', () =>
    expect(choose(['.........', '.........'], 3)).toEqual(['A-3', 'A-4', 'A-5']));

  it('are near the focus when the venue has one', () =>
    expect(choose(['.....', '.....', '.....'], 1, { focus: { x: 4, y: 2 } })).toEqual(['C-4']));

  it('are never apart when one row further back has them together', () =>
    expect(choose(['..x..', '.......'], 3)).toEqual(['B-2', 'B-3', 'B-4']));

  it('are never on both sides of an aisle', () => {
    for (const front of ['..  ..', '.. ..']) {
      expect(choose([front, '........'], 4)).toEqual(['B-2', 'B-3', 'B-4', 'B-5']);
    }
  });

  it('leave no single seat alone if that can be avoided', () => {
    expect(choose(['......'], 4)).not.toEqual(['A-1', 'A-2', 'A-3', 'A-4']);
    expect(choose(['......x'], 4)).toEqual(['A-2', 'A-3', 'A-4', 'A-5']);
    expect(choose(['x...x', '......'], 2)).toEqual(['B-2', 'B-3']);
  });

  it('take an orphan rather than split', () => expect(choose(['x...x'], 2)).toHaveLength(2));

  it('fill a gap exactly rather than leave an orphan nearer the middle', () =>
    expect(choose(['..x...x'], 2)).toEqual(['A-0', 'A-1']));

  it('split into the largest runs when no row has enough together', () => {
    expect(choose(['...x..', '.x.x.x'], 5)).toEqual(['A-0', 'A-1', 'A-2', 'A-4', 'A-5']);
    expect(choose(['.x.x.', '.x.x.'], 6)).toEqual(['A-0', 'A-2', 'A-4', 'B-0', 'B-2', 'B-4']);
  });

  it('are of the category asked for, even when better ones are free', () => {
    expect(choose(['RRRRRR', 'SSSSSS'], 2, { category: 'S' })).toEqual(['B-2', 'B-3']);
    expect(choose(['RSSR'], 2, { category: 'R' })).toEqual(['A-0', 'A-3']);
  });

  it('are the lowest free numbers of a standing area, whatever lies between', () => {
    const area = standing(['s-1', 's-2', 's-3', 's-4', 's-5', 's-6'], { x: 3, y: 9 });
    const taken = new Set(['s-1', 's-3', 's-4']);
    const isFree = ({ seatId }: { seatId: string }) => !taken.has(seatId);
    const chosen = (quantity: number, focus: { x: number; y: number }, drawing: string) =>
      chooseBestAvailable({
        rows: [area, row('A', 0, drawing).row],
        quantity,
        isFree,
        isEligible: isFree,
        focus,
      });
    const [atArea, atSeats] = [
      { x: 3, y: 9 },
      { x: 3, y: 0 },
    ];
    expect(chosen(2, atArea, '......')).toEqual(['s-2', 's-5']);
    expect(chosen(2, atSeats, '......')).toEqual(['A-2', 'A-3']);
    // Seats that would leave one alone are worse than places, which never do.
    expect(chosen(2, atSeats, '...')).toEqual(['s-2', 's-5']);
    expect(chosen(5, atSeats, '..')).toEqual(['s-2', 's-5', 's-6', 'A-0', 'A-1']);
    expect(chosen(6, atSeats, '..')).toBeUndefined();
  });

  it('are none when fewer are free than asked for', () => {
    expect(choose(['.x.'], 3)).toBeUndefined();
    expect(choose(['RRRS'], 2, { category: 'S' })).toBeUndefined();
    expect(choose([], 1)).toBeUndefined();
  });

  it('never name a seat twice', () => {
    for (let quantity = 1; quantity <= 12; quantity++) {
      const chosen = choose(['..x.', '.x..', '....', '..'], quantity);
      expect(new Set(chosen).size).toBe(quantity);
    }
  });
});

describe('in any hall', () => {
  /** Rows of blocks at least three seats wide, so that a gap in the drawing is an aisle. */
  const block = fc.string({ unit: fc.constantFrom('.', '.', 'x'), minLength: 3, maxLength: 6 });
  const halls = fc.array(
    fc.array(block, { minLength: 1, maxLength: 3 }).map((blocks) => blocks.join(' ')),
    { minLength: 1, maxLength: 3 },
  );
  const focuses = fc.option(fc.record({ x: fc.nat({ max: 12 }), y: fc.nat({ max: 3 }) }), {
    nil: undefined,
  });

  /** Every run of free neighbours, with what makes it good: orphans first, then the distance of its middle. */
  function runsOf(drawings: readonly string[], size: number, focus: { x: number; y: number }) {
    return drawings.flatMap((drawing, y) =>
      [...drawing].flatMap((_, x) => {
        if (!/^\.+$/.test(drawing.slice(x, x + size)) || x + size > drawing.length) return [];
        const left = /(^|[ x])\.$/.test(drawing.slice(0, x));
        const right = /^\.($|[ x])/.test(drawing.slice(x + size));
        const middle = x + (size - 1) / 2;
        const ids = Array.from({ length: size }, (_unused, n) => `${String.fromCharCode(65 + y)}-${x + n}`);
        const distance = (middle - focus.x) ** 2 + (y - focus.y) ** 2;
        return [{ ids: ids.sort(), badness: [Number(left) + Number(right), distance] as const }];
      }),
    );
  }

  it('no run of free neighbours is better than the chosen one, and only free seats are chosen', () => {
    fc.assert(
      fc.property(halls, fc.integer({ min: 1, max: 6 }), focuses, (drawings, quantity, focus) => {
        const width = Math.max(...drawings.map((drawing) => drawing.length));
        const runs = runsOf(drawings, quantity, focus ?? { x: (width - 1) / 2, y: 0 });
        const chosen = choose(drawings, quantity, focus ? { focus } : {});
        const free = runsOf(drawings, 1, { x: 0, y: 0 }).flatMap(({ ids }) => ids);
        if (free.length < quantity) {
          expect(chosen).toBeUndefined();
          return;
        }
        expect(new Set(chosen).size).toBe(quantity);
        expect(free).toEqual(expect.arrayContaining(chosen ?? []));
        if (runs.length === 0) return;
        const run = runs.find(({ ids }) => ids.join() === chosen?.join());
        const [best] = runs.map(({ badness }) => badness).sort(([a, x], [b, y]) => a - b || x - y);
        expect(run?.badness).toEqual(best);
      }),
    );
  });
});
