import { type VenueState, venueDecider } from '../../src/domain/catalog.js';
import { matchSeats } from '../../src/domain/plan-identity.js';
import { seatIdSchema, venueIdSchema } from '../../src/events/ids.js';
import { named } from './given.js';
import { manyIds, seat, section } from './sample-document.js';

const venueId = named(venueIdSchema, 'hall');
const published = (...args: Parameters<typeof section>) =>
  ({ type: 'SectionPublished', data: { venueId, ...section(...args) } }) as const;
const withdrawn = (sectionId: string) =>
  ({ type: 'SectionWithdrawn', data: { venueId, sectionId } }) as const;
type VenueFact = Parameters<typeof venueDecider.evolve>[1];
const fold = (events: readonly VenueFact[], state: VenueState = venueDecider.initialState) =>
  events.reduce(venueDecider.evolve, state);
const formerIds = ({ formerSeats }: VenueState) => [...formerSeats.keys()];

describe('seats that have left the plan', () => {
  it('are known with their last place, until they are in the plan again', () => {
    const smaller = fold([published('l', 'A-1', 'A-2'), published('r', 'B-1'), published('l', 'A-1')]);
    expect([...smaller.formerSeats]).toEqual([['A-2', { sectionName: 'l', row: 'A', number: 'A-2' }]]);
    expect(formerIds(fold([withdrawn('r')], smaller))).toEqual(['A-2', 'B-1']);
    expect(formerIds(fold([published('r', 'B-1', 'A-2')], smaller))).toEqual([]);
  });

  it('do not replace a seat that is in another section by now', () => {
    // The section that gets the seat is published before the one that loses it.
    const moved = fold([published('l', 'A-1'), published('r', 'B-1', 'A-1'), published('l', 'A-2')]);
    const wanted = { ...section('l'), rows: [{ label: 'A', seats: [{ ...seat('new'), number: 'A-1' }] }] };
    expect(matchSeats(moved, [wanted]).matched).toEqual([]);
  });

  it('are forgotten beyond 100,000, those that left first before the others', () => {
    const blocks = Array.from({ length: 25 }, (_, block) => `block${block}`);
    const plan = [
      ...blocks.map((id) => published(id, ...manyIds(`${id}-`, 4_000))),
      published('r', 'B-1', 'B-2'),
    ];
    const full = fold([...plan, ...blocks.map(withdrawn)]);
    expect(full.formerSeats.size).toBe(100_000);
    const next = fold([published('r', 'B-1')], full);
    expect(next.formerSeats.size).toBe(100_000);
    expect(next.formerSeats.has(seatIdSchema.parse('B-2'))).toBe(true);
    expect(next.formerSeats.has(seatIdSchema.parse('block0-0'))).toBe(false);
  });
});
