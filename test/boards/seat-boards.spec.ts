import fc from 'fast-check';
import { SeatBoards } from '../../src/boards/seat-boards.js';
import type { Position } from '../../src/event-store/port.js';
import {
  type ScheduleId,
  type SeatId,
  scheduleIdSchema,
  seatIdSchema,
  venueIdSchema,
} from '../../src/events/ids.js';
import type { DomainEvent } from '../../src/events/registry.js';
import { PriceList } from '../../src/projections/catalog/prices.js';
import { decodeSeatStatuses, encodeSeatStatuses, seatStatus } from '../../src/queries/replies/catalog.js';
import { SeatBoard, type TakenSeat } from '../../src/queries/seat-board.js';
import type { PlannedSection, SeatingPlan } from '../../src/queries/seating-plans.js';
import { scheduleId as date, performanceId, ScriptedPosition } from '../api/api-under-test.js';

const scheduleId = scheduleIdSchema.parse(date);
const otherDate = scheduleIdSchema.parse('bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb');
const venueId = venueIdSchema.parse('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa');
const seat = (seatId: string): SeatId => seatIdSchema.parse(seatId);
const at = (position: number): Position => position as Position; // a test's own position

/** One row of seats in category R, and one seat that has no price. */
function planOf(seatIds: readonly string[]): SeatingPlan {
  const seats = seatIds.map((seatId, x) => ({
    seatId: seat(seatId),
    number: String(x + 1),
    category: 'R',
    x,
    y: 0,
  }));
  const unpriced = { seatId: seat('Z-1'), number: '1', category: 'none', x: 0, y: 1 };
  const section: PlannedSection = {
    sectionId: 'S',
    name: 'Stalls',
    rows: [
      { label: 'A', seats },
      { label: 'Z', seats: [unpriced] },
    ],
    categoryCounts: new Map([
      ['R', seats.length],
      ['none', 1],
    ]),
  };
  const all = [...seats, unpriced];
  return {
    sections: [section],
    sectionOf: new Map(all.map(({ seatId }) => [seatId, section])),
    categoryOf: new Map(all.map(({ seatId, category }) => [seatId, category])),
    focus: null,
    decorations: [],
  };
}

function boardOf(
  taken: Record<string, TakenSeat> = {},
  position = 10,
  seatIds = ['A-1', 'A-2', 'A-3'],
  price = 50,
) {
  const prices = new PriceList([{ category: 'R', price }]);
  const entries = Object.entries(taken).map(([seatId, status]) => [seat(seatId), status] as const);
  const plan = planOf(seatIds);
  return new SeatBoard({ scheduleId, performanceId, venueId, prices, plan }, new Map(entries), position);
}

const held = (untilMs = 1_000): TakenSeat => ({ status: 'held', untilMs });
const reserved: TakenSeat = { status: 'reserved' };

function shown(board: SeatBoard | null, nowMs = 0): Record<string, string> {
  const rows = board?.seatMap({}, nowMs).sections.flatMap((section) => section.rows) ?? [];
  return Object.fromEntries(rows.flatMap((row) => row.seats.map(({ seatId, status }) => [seatId, status])));
}

describe('the board of a date', () => {
  it('shows a seat that was given back as held until it is on sale again', () => {
    const board = boardOf({ 'A-1': reserved });
    const untilMs = 5_000;
    const back = { status: 'held', untilMs, isReturning: true } as const;
    board.apply({ scheduleId, seatId: seat('A-1'), taken: back, position: 11 });
    expect(shown(board, untilMs - 1)).toMatchObject({ 'A-1': 'held' });
    expect(shown(board, untilMs)).toMatchObject({ 'A-1': 'free' });
    expect([...board.returns()]).toEqual([['A-1', untilMs]]);
    board.apply({ scheduleId, seatId: seat('A-1'), taken: held(), position: 12 });
    expect([...board.returns()]).toEqual([]);
  });

  it('says the same in statuses as in the seat map, in the order of the plan', () => {
    const board = boardOf({ 'A-1': reserved, 'A-3': held() });
    const { statuses, seatCount, plan } = board.statuses(0);
    const order = board.plan().sections.flatMap(({ rows }) => rows.flatMap((row) => row.seats));
    const decoded = decodeSeatStatuses(statuses, seatCount);
    expect(Object.fromEntries(order.map(({ seatId }, index) => [seatId, decoded[index]]))).toEqual(
      shown(board),
    );
    expect(decoded).toEqual(['reserved', 'free', 'held', 'not-for-sale']);
    expect(plan).toBe(board.plan().revision);
  });

  it('frees a seat at the deadline of its hold, before any event says so', () => {
    const board = boardOf({ 'A-1': held(1_000) });
    expect([shown(board, 999)['A-1'], shown(board, 1_000)['A-1']]).toEqual(['held', 'free']);
    expect([board.availability(999).available, board.availability(1_000).available]).toEqual([2, 3]);
    expect(decodeSeatStatuses(board.statuses(1_000).statuses, 1)).toEqual(['free']);
  });

  it('takes in events after its position only', () => {
    const board = boardOf({ 'A-1': reserved }, 10);
    board.apply({ scheduleId, seatId: seat('A-1'), taken: undefined, position: 10 });
    expect(shown(board)['A-1']).toBe('reserved');
    board.apply({ scheduleId, seatId: seat('A-1'), taken: undefined, position: 11 });
    expect([shown(board)['A-1'], board.position]).toEqual(['free', 11]);
  });

  it('has another revision of its plan when a price or a seat differs, and only then', () => {
    const revision = boardOf().planRevision;
    expect(boardOf({ 'A-1': reserved }, 99).planRevision).toBe(revision);
    expect(boardOf({}, 10, ['A-1', 'A-2', 'A-3'], 60).planRevision).not.toBe(revision);
    expect(boardOf({}, 10, ['A-1', 'A-3', 'A-2']).planRevision).not.toBe(revision);
  });

  it('can read what it wrote, in at most 8 KB for 15,000 seats', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...seatStatus.options), { maxLength: 50 }), (statuses) => {
        expect(decodeSeatStatuses(encodeSeatStatuses(statuses), statuses.length)).toEqual(statuses);
      }),
    );
    const all = Array.from({ length: 15_000 }, () => 'reserved' as const);
    expect(encodeSeatStatuses(all).length).toBeLessThan(8_000);
  });
});

const settings = { rememberedSeatChanges: 20_000, waitForPositionTimeoutMs: 2_000 };

describe('boards in memory', () => {
  let loads: number;
  let table: () => SeatBoard | null;
  let position: ScriptedPosition;
  let boards: SeatBoards;

  beforeEach(() => {
    loads = 0;
    table = () => boardOf({ 'A-1': held() }, 10);
    position = new ScriptedPosition();
    const seatBoard = async (_: ScheduleId) => {
      loads++;
      return table();
    };
    // The only question that boards ask.
    boards = new SeatBoards({ seatBoard }, position, settings);
    boards.begin(at(5));
  });

  const change = (seatId: string, taken: TakenSeat | undefined, to: number, of = scheduleId) =>
    boards.changed({ scheduleId: of, seatId: seat(seatId), taken, position: at(to) });
  const published = (data: object): DomainEvent => ({ type: 'VenuePublished', data }) as DomainEvent;

  it('are read once and follow the events of their date', async () => {
    await boards.of(scheduleId);
    change('A-2', reserved, 11);
    change('A-3', reserved, 12, otherDate);
    change('A-1', undefined, 13);
    const board = await boards.of(scheduleId);
    expect(shown(board)).toMatchObject({ 'A-1': 'free', 'A-2': 'reserved', 'A-3': 'free' });
    expect([loads, board?.position]).toEqual([1, 13]);
  });

  it('have the changes that were followed while the tables were read', async () => {
    const loading = boards.of(scheduleId);
    change('A-2', reserved, 11);
    expect(shown(await loading)['A-2']).toBe('reserved');
  });

  it('take in what the tables lacked when they were read', async () => {
    change('A-2', reserved, 11);
    expect(shown(await boards.of(scheduleId))['A-2']).toBe('reserved');
  });

  it('are read once by those who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => boards.of(scheduleId)));
    expect(loads).toBe(1);
  });

  it.each([
    ['their venue', { venueId }],
    ['their performance', { performanceId }],
    ['their date', { scheduleId }],
  ])('are read anew when %s is published, once the tables have it', async (_, data) => {
    await boards.of(scheduleId);
    position.at = at(20);
    boards.catalogChanged(published(data), at(21));
    table = () => boardOf({}, 21, ['B-1']);
    expect(Object.keys(shown(await boards.of(scheduleId)))).toContain('B-1');
    expect(position.waited).toEqual([{ position: 21, timeoutMs: 2_000 }]);
  });

  it('are shown but not kept while the tables do not have what was published', async () => {
    await boards.of(scheduleId);
    position.at = at(20);
    boards.catalogChanged(published({ venueId }), at(21));
    await boards.of(scheduleId);
    table = () => boardOf({}, 21, ['B-1']);
    expect(Object.keys(shown(await boards.of(scheduleId)))).toContain('B-1');
    await boards.of(scheduleId);
    expect(loads).toBe(3);
  });

  it('are not kept when the plan was published while the tables were read', async () => {
    let first = true;
    table = () => {
      if (first) boards.catalogChanged(published({ venueId }), at(11));
      first = false;
      return boardOf({}, 11, loads === 1 ? ['A-1'] : ['B-1']);
    };
    expect(Object.keys(shown(await boards.of(scheduleId)))).toContain('B-1');
  });

  it('stay when another hall is published', async () => {
    await boards.of(scheduleId);
    boards.catalogChanged(published({ venueId: 'cccccccc-cccc-4ccc-8ccc-cccccccccccc' }), at(11));
    await boards.of(scheduleId);
    expect(loads).toBe(1);
  });

  it('are read anew after an event that could not be taken in', async () => {
    await boards.of(scheduleId);
    boards.missed(at(12));
    table = () => boardOf({ 'A-2': reserved }, 12);
    expect(shown(await boards.of(scheduleId))['A-2']).toBe('reserved');
    expect(boards.recentChanges(scheduleId, at(11))).toBeUndefined();
  });

  it('answer from the tables when changes are no longer remembered, and keep nothing', async () => {
    table = () => boardOf({}, 3);
    await boards.of(scheduleId);
    const once = loads;
    await boards.of(scheduleId);
    expect(loads).toBeGreaterThan(once);
  });

  it('are asked of the tables while they lack the position that is wanted', async () => {
    await boards.of(scheduleId);
    table = () => boardOf({ 'A-2': reserved }, 15);
    expect(shown(await boards.of(scheduleId, at(15)))['A-2']).toBe('reserved');
    expect(shown(await boards.of(scheduleId))['A-2']).toBe('free');
    boards.followed(at(15));
    await boards.of(scheduleId, at(15));
    expect(loads).toBe(2);
  });

  it('are null for a date that is unknown', async () => {
    table = () => null;
    expect(await boards.of(scheduleId)).toBeNull();
  });
});
