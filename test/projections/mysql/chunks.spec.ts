import fc from 'fast-check';
import { chunksOf } from '../../../src/projections/mysql/session.js';

const cells = (rows: readonly (readonly unknown[])[]) => rows.flat();
const characters = (rows: readonly (readonly unknown[])[]) =>
  cells(rows).reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 0), 0);

it('keeps every row in order, in statements of bounded size', () => {
  const row = fc.record({ columns: fc.integer({ min: 1, max: 20 }), text: fc.constantFrom(0, 10, 10_000) });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), fc.integer({ min: 1, max: 600 }), (shapes, times) => {
      const rows = shapes.flatMap(({ columns, text }) =>
        Array.from({ length: times }, () => ['x'.repeat(text), ...new Array<number>(columns).fill(1)]),
      );
      const chunks = [...chunksOf(rows)];
      // The same rows, not equal ones: comparing megabytes of text takes long.
      expect(chunks.flat().every((one, index) => one === rows[index])).toBe(true);
      expect(chunks.flat()).toHaveLength(rows.length);
      for (const chunk of chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        expect(cells(chunk).length <= 10_000).toBe(true);
        expect(characters(chunk) <= 1_000_000).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

it('sends a row larger than that by itself', () => {
  const large = ['x'.repeat(3_000_000)];
  expect([...chunksOf([['a'], large, ['b']])]).toEqual([[['a']], [large], [['b']]]);
});
