import { IdSet } from '../../../src/analysis/audit/structure.js';

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** A UUID whose first 64 bits are these two numbers. */
function uuid(high: number, low: number): string {
  const tail = hex(low, 8);
  return `${hex(high, 8)}-${tail.slice(0, 4)}-${tail.slice(4)}-8000-000000000000`;
}

describe('the set of event ids', () => {
  it('knows every id it was given and no other, while it grows', () => {
    const set = new IdSet();
    const ids = Array.from({ length: 60 * 60 }, (_, n) => uuid(Math.floor(n / 60), n % 60));
    expect(ids.filter((id) => set.add(id))).toEqual(ids);
    expect(ids.filter((id) => set.add(id))).toEqual([]);
    expect(set.add(uuid(60, 60))).toBe(true);
    expect(set.add(uuid(0xffffffff, 0xffffffff))).toBe(true);
    expect(set.add(uuid(0xffffffff, 0xffffffff))).toBe(false);
  });
});
