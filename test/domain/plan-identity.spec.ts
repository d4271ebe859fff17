import { type VenueState, venueDecider } from '../../src/domain/catalog.js';
import { formerSeatsAfter, matchSeats, replacedFormerSeats } from '../../src/domain/plan-identity.js';
import type { PlanSection } from '../../src/events/catalog-events.js';
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

  it('count as having left when they left last', () => {
    const place = { sectionName: 'l', row: 'A', number: '1' };
    const formerSeats = new Map(
      ['old', ...manyIds('other-', 99_999)].map((id) => [seatIdSchema.parse(id), place]),
    );
    const known = { sections: new Map([['l', section('l', 'old', 'new')]]), formerSeats };
    const after = formerSeatsAfter(known, 'l', undefined);
    expect(after.size).toBe(100_000);
    expect(after.has(seatIdSchema.parse('old'))).toBe(true);
    expect(after.has(seatIdSchema.parse('other-0'))).toBe(false);
  });
});

/** One row: numbers by seat id. */
const row = (numbers: Readonly<Record<string, string>>, name = 'l'): PlanSection => ({
  ...section(name),
  rows: [{ label: 'A', seats: Object.entries(numbers).map(([id, number]) => ({ ...seat(id), number })) }],
});
const known = (...sections: PlanSection[]) => ({
  sections: new Map(sections.map((one) => [one.sectionId, one])),
  formerSeats: fold([]).formerSeats,
});
const matches = (plan: Parameters<typeof matchSeats>[0], ...wanted: PlanSection[]) =>
  matchSeats(plan, wanted).matched.map(({ feedId, seatId }) => [feedId, seatId]);

describe('a seat with a new id', () => {
  it('is the seat that has its place', () => {
    expect(matches(known(row({ x: '1', y: '2' })), row({ new: '1', y: '2' }))).toEqual([['new', 'x']]);
  });

  it('is none that the new plan has under its id at another place', () => {
    expect(matches(known(row({ x: '1' })), row({ new: '1', x: '2' }))).toEqual([]);
    const dropped = fold([published('l', 'x', 'y'), published('l', 'y')]);
    expect(matches(dropped, row({ new: 'x', x: '9', y: 'y' }))).toEqual([]);
  });

  it('is none of two that an older build published at one place', () => {
    expect(matches(known(row({ x: '1', y: '1' })), row({ new: '1' }))).toEqual([]);
  });
});

describe('a section with a new id', () => {
  const renamed = (id: string, name: string, numbers: Readonly<Record<string, string>>) => ({
    ...row(numbers, id),
    name,
  });
  const standing = (sectionId: string) => ({
    ...section(sectionId),
    name: 'Floor',
    rows: [],
    standing: { category: 'R', capacity: 2, x: 0, y: 0 },
  });
  const ids = (plan: Parameters<typeof matchSeats>[0], ...wanted: PlanSection[]) =>
    matchSeats(plan, wanted).sections.map(({ sectionId }) => sectionId);

  it('keeps the known one if both are the only ones of their name', () => {
    const floor = known(renamed('old', 'Floor', { x: '1' }));
    expect(ids(floor, renamed('new', 'Floor', { x: '1' }))).toEqual(['old']);
    const two = [renamed('new', 'Floor', { x: '1' }), renamed('more', 'Floor', { y: '2' })];
    expect(ids(floor, ...two)).toEqual(['new', 'more']);
    const twoOld = known(renamed('old', 'Floor', { x: '1' }), renamed('older', 'Floor', { y: '2' }));
    expect(ids(twoOld, renamed('new', 'Floor', { x: '1' }))).toEqual(['new']);
  });

  it('keeps it only if both have rows, or both are standing areas', () => {
    expect(ids(known(standing('old')), standing('new'))).toEqual(['old']);
    expect(ids(known(standing('old')), renamed('new', 'Floor', { x: '1' }))).toEqual(['new']);
  });
});

describe('a place of a former seat that a new plan gives away', () => {
  it('is reported, but not for a seat that is in another section by now', () => {
    const dropped = fold([published('l', 'A-1', 'A-2'), published('l', 'A-2')]);
    const wanted = row({ new: 'A-1', 'A-2': 'A-2' });
    expect(replacedFormerSeats(dropped, [wanted])).toMatchObject([{ seatId: 'A-1', by: 'new' }]);
    const moved = fold([published('l', 'A-1'), published('r', 'B-1', 'A-1'), published('l', 'A-2')]);
    expect(replacedFormerSeats(moved, [wanted])).toEqual([]);
  });
});
