import type { Instant, PerformanceId, SeatId, VenueId } from '../../events/ids.js';
import { storedMoment } from '../engine/entity.js';
import { placeholders } from '../engine/sql.js';
import type { NameOf, Statement, UnitOfWork } from '../engine/unit-of-work.js';
import { maxRelatedRows, ScheduleRow, ScheduleSeatRow, SeatRow, SectionRow } from './entities.js';
import { type PriceList, pricesOf } from './prices.js';

/** Seats that one statement names. */
const seatsPerStep = 1_000;

/** A seat of a published section whose category may have changed. */
export interface ReplannedSeat {
  readonly seatId: SeatId;
  /** Undefined: the seat was not in this section, so its category is unknown. */
  readonly categoryBefore: string | undefined;
  /** Null: the seat is withdrawn from the plan. */
  readonly categoryAfter: string | null;
}

/**
 * Recounts the dates of a venue after one of its sections changed. Taken seats are looked at only if seats of the section
 * have come on sale or gone off sale, and only those of the section.
 * @param sections all sections of the venue, as they are now.
 */
export async function recountVenue(
  rows: UnitOfWork,
  venueId: VenueId,
  sections: readonly SectionRow[],
  replanned: readonly ReplannedSeat[],
  at: Instant,
): Promise<void> {
  const seatCounts = seatsByCategory(sections);
  for (const schedule of await schedulesOf(rows, { venue_id: venueId })) {
    const prices = await pricesOf(rows, schedule);
    const affected = replanned.filter(
      ({ categoryBefore, categoryAfter }) =>
        categoryBefore === undefined || isPriced(categoryBefore, prices) !== isPriced(categoryAfter, prices),
    );
    let counted = schedule;
    for (const some of stepsOf(affected.map(({ seatId }) => seatId))) {
      counted = await updateForSale(rows, counted, prices, at, some);
    }
    rows.put(ScheduleRow, { ...withCapacity(counted, capacityOf(seatCounts, prices)), updated_at: at });
  }
}

/**
 * Recounts the dates of a performance after its prices changed. The taken seats are looked at only if the set of
 * categories that have a price has changed.
 */
export async function recountPerformance(
  rows: UnitOfWork,
  performanceId: PerformanceId,
  before: PriceList,
  at: Instant,
): Promise<void> {
  for (const schedule of await schedulesOf(rows, { performance_id: performanceId })) {
    const prices = await pricesOf(rows, schedule);
    const sections = await rows.select(SectionRow, {
      equal: { venue_id: schedule.venue_id },
      orderBy: 'section_id',
      limit: maxRelatedRows,
    });
    const seatCounts = seatsByCategory(sections);
    const isAffected = [...seatCounts.keys()].some(
      (category) => isPriced(category, before) !== isPriced(category, prices),
    );
    const counted = isAffected ? await updateForSale(rows, schedule, prices, at) : schedule;
    rows.put(ScheduleRow, { ...withCapacity(counted, capacityOf(seatCounts, prices)), updated_at: at });
  }
}

/**
 * Writes a published schedule with its counts.
 * @param known its row until now. If performance and venue are the same, its counts of taken seats stay valid.
 */
export async function recountSchedule(
  rows: UnitOfWork,
  schedule: ScheduleRow,
  known: ScheduleRow | undefined,
  sections: readonly SectionRow[],
  at: Instant,
): Promise<void> {
  const prices = await pricesOf(rows, schedule);
  const { held_seats = 0, reserved_seats = 0 } = known ?? {};
  const before = { ...schedule, held_seats, reserved_seats };
  const isSame = known?.venue_id === schedule.venue_id && known.performance_id === schedule.performance_id;
  const counted = isSame ? before : await updateForSale(rows, before, prices, at);
  const taken_seats = known?.taken_seats ?? (await countTaken(rows, schedule));
  const capacity = capacityOf(seatsByCategory(sections), prices);
  rows.put(ScheduleRow, { ...withCapacity(counted, capacity), taken_seats });
}

/**
 * Has the database find the taken seats of a date that have come on sale or gone off sale, count them by their state and
 * change them.
 * @param seatIds only these seats; default all.
 * @returns the date with the counts that follow.
 */
async function updateForSale(
  rows: UnitOfWork,
  schedule: ScheduleRow,
  prices: PriceList,
  at: Instant,
  seatIds?: readonly SeatId[],
): Promise<ScheduleRow> {
  const isWrong = (nameOf: NameOf) => isWronglyForSale(nameOf, schedule, prices, seatIds);
  const groups = await rows.query((nameOf) => {
    const { sql, parameters } = isWrong(nameOf);
    const table = nameOf(ScheduleSeatRow);
    return {
      sql: `SELECT status, for_sale, COUNT(*) AS seats FROM ${table} WHERE ${sql} GROUP BY status, for_sale`,
      parameters,
    };
  });
  if (groups.length === 0) return schedule;
  await rows.update(ScheduleSeatRow, (nameOf) => ({
    set: { sql: 'for_sale = 1 - for_sale, updated_at = ?', parameters: [storedMoment(at)] },
    where: isWrong(nameOf),
  }));
  /** By how many the seats for sale in a state have become more. */
  const gained = (state: 'held' | 'reserved') =>
    groups
      .filter(({ status }) => status === state)
      .reduce(
        (sum, { for_sale, seats }) => sum + (Number(for_sale) === 0 ? Number(seats) : -Number(seats)),
        0,
      );
  return {
    ...schedule,
    held_seats: schedule.held_seats + gained('held'),
    reserved_seats: schedule.reserved_seats + gained('reserved'),
  };
}

/** A condition on rows of {@link ScheduleSeatRow}: taken seats of a date whose `for_sale` is not what plan and prices say. */
function isWronglyForSale(
  nameOf: NameOf,
  { schedule_id, venue_id }: Pick<ScheduleRow, 'schedule_id' | 'venue_id'>,
  prices: PriceList,
  seatIds: readonly SeatId[] | undefined,
): Statement {
  const [taken, plan] = [nameOf(ScheduleSeatRow), nameOf(SeatRow)];
  const priced = prices.isPricedSql('plan.category');
  // A list, not a subquery: servers would ask that for every seat of the date.
  const listed = seatIds === undefined ? '' : `AND seat_id IN (${placeholders(seatIds.length)})`;
  return {
    sql: `schedule_id = ? AND status <> 'free' ${listed}
      AND for_sale <> EXISTS (SELECT 1 FROM ${plan} plan WHERE plan.venue_id = ? AND plan.seat_id = ${taken}.seat_id
        AND plan.withdrawn = 0 AND ${priced.sql})`,
    parameters: [schedule_id, ...(seatIds ?? []), venue_id, ...priced.parameters],
  };
}

async function countTaken(
  rows: UnitOfWork,
  { schedule_id }: Pick<ScheduleRow, 'schedule_id'>,
): Promise<number> {
  const [row] = await rows.query((nameOf) => ({
    sql: `SELECT COUNT(*) AS seats FROM ${nameOf(ScheduleSeatRow)} WHERE schedule_id = ? AND status <> 'free'`,
    parameters: [schedule_id],
  }));
  return Number(row?.seats ?? 0);
}

function withCapacity(schedule: ScheduleRow, capacity: number): ScheduleRow {
  const available_seats = capacity - schedule.held_seats - schedule.reserved_seats;
  return { ...schedule, capacity, available_seats };
}

function schedulesOf(rows: UnitOfWork, equal: Partial<ScheduleRow>): Promise<ScheduleRow[]> {
  return rows.select(ScheduleRow, { equal, orderBy: 'schedule_id', limit: maxRelatedRows });
}

function isPriced(category: string | null, prices: PriceList): boolean {
  return category !== null && prices.priceOf(category) !== null;
}

function seatsByCategory(sections: readonly SectionRow[]): ReadonlyMap<string, number> {
  const seats = new Map<string, number>();
  for (const section of sections) {
    for (const [category, count] of Object.entries(section.category_counts)) {
      seats.set(category, (seats.get(category) ?? 0) + count);
    }
  }
  return seats;
}

/** Seats for sale. */
function capacityOf(seatCounts: ReadonlyMap<string, number>, prices: PriceList): number {
  let capacity = 0;
  for (const [category, count] of seatCounts) if (isPriced(category, prices)) capacity += count;
  return capacity;
}

function* stepsOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let first = 0; first < items.length; first += seatsPerStep) {
    yield items.slice(first, first + seatsPerStep);
  }
}
