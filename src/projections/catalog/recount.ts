import type { Instant, PerformanceId, SeatId, VenueId } from '../../events/ids.js';
import type { UnitOfWork } from '../engine/unit-of-work.js';
import { maxRelatedRows, ScheduleRow, ScheduleSeatRow, SeatRow, SectionRow } from './entities.js';
import { isForSale, type PriceList, pricesOf } from './prices.js';
import { countsAs } from './seats.js';

/** Seats read together: bounds the rows in memory in a hall of any size. */
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
 * Recounts the dates of a venue after one of its sections changed. Only taken seats among `replanned` are read: for the
 * others nothing has changed.
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
    const tally = new Tally(rows, schedule, capacityOf(seatCounts, prices), at);
    const affected = replanned.filter(
      ({ categoryBefore, categoryAfter }) =>
        categoryBefore === undefined || isPriced(categoryBefore, prices) !== isPriced(categoryAfter, prices),
    );
    for (const step of stepsOf(affected)) {
      await rows.prefetch(
        ScheduleSeatRow,
        step.map(({ seatId }) => ({ schedule_id: schedule.schedule_id, seat_id: seatId })),
      );
      for (const { seatId, categoryAfter } of step) {
        const seat = await rows.get(ScheduleSeatRow, { schedule_id: schedule.schedule_id, seat_id: seatId });
        if (seat && seat.status !== 'free') tally.change(seat, isPriced(categoryAfter, prices));
      }
      await rows.flushIfLarge();
    }
    tally.write();
  }
}

/**
 * Recounts the dates of a performance after its prices changed. The taken seats are read only if the set of categories
 * that have a price has changed.
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
    if (isAffected) await countTakenSeats(rows, schedule, sections, at);
    else new Tally(rows, schedule, capacityOf(seatCounts, prices), at).write();
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
  if (known?.venue_id !== schedule.venue_id || known.performance_id !== schedule.performance_id) {
    return countTakenSeats(rows, schedule, sections, at);
  }
  const capacity = capacityOf(seatsByCategory(sections), await pricesOf(rows, schedule));
  const { held_seats, reserved_seats } = known;
  new Tally(rows, { ...schedule, held_seats, reserved_seats }, capacity, at).write();
}

/** Counts every taken seat of a date again, {@link seatsPerStep} at a time. */
async function countTakenSeats(
  rows: UnitOfWork,
  schedule: ScheduleRow,
  sections: readonly SectionRow[],
  at: Instant,
): Promise<void> {
  const capacity = capacityOf(seatsByCategory(sections), await pricesOf(rows, schedule));
  const tally = new Tally(rows, { ...schedule, held_seats: 0, reserved_seats: 0 }, capacity, at);
  let taken = 0;
  for await (const step of takenSeats(rows, schedule)) {
    taken += step.length;
    await rows.prefetch(
      SeatRow,
      step.map((seat) => ({ venue_id: schedule.venue_id, seat_id: seat.seat_id })),
    );
    for (const seat of step) tally.count(seat, await isForSale(rows, schedule, seat.seat_id));
  }
  tally.write(taken);
}

/** The counts of one date while its seats are read. */
class Tally {
  private held: number;
  private reserved: number;

  constructor(
    private readonly rows: UnitOfWork,
    private readonly schedule: ScheduleRow,
    private readonly capacity: number,
    private readonly at: Instant,
  ) {
    this.held = schedule.held_seats;
    this.reserved = schedule.reserved_seats;
  }

  /** Changes a taken seat that is in the counts to `forSale`. */
  change(seat: ScheduleSeatRow, forSale: boolean): void {
    this.held -= countsAs(seat, 'held');
    this.reserved -= countsAs(seat, 'reserved');
    this.count(seat, forSale);
  }

  /** Adds a taken seat that is not in the counts yet. */
  count(seat: ScheduleSeatRow, forSale: boolean): void {
    const counted = forSale === seat.for_sale ? seat : { ...seat, for_sale: forSale, updated_at: this.at };
    if (counted !== seat) this.rows.put(ScheduleSeatRow, counted);
    this.held += countsAs(counted, 'held');
    this.reserved += countsAs(counted, 'reserved');
  }

  /** @param taken_seats how many are held or reserved; unchanged by changes of what is for sale. */
  write(taken_seats = this.schedule.taken_seats): void {
    const { schedule, capacity, held, reserved, at } = this;
    const available_seats = capacity - held - reserved;
    this.rows.put(ScheduleRow, {
      ...schedule,
      capacity,
      held_seats: held,
      reserved_seats: reserved,
      taken_seats,
      available_seats,
      updated_at: at,
    });
  }
}

/** The taken seats of a date in steps, in the order of their ids. */
async function* takenSeats(
  rows: UnitOfWork,
  { schedule_id }: Pick<ScheduleRow, 'schedule_id'>,
): AsyncGenerator<ScheduleSeatRow[]> {
  let from: SeatId | undefined;
  do {
    const page: ScheduleSeatRow[] = await rows.select(ScheduleSeatRow, {
      equal: { schedule_id },
      ...(from !== undefined && { range: { column: 'seat_id', from } }),
      orderBy: 'seat_id',
      limit: seatsPerStep + 1,
    });
    // The extra row is the first of the next step.
    from = page[seatsPerStep]?.seat_id;
    yield page.slice(0, seatsPerStep).filter((seat) => seat.status !== 'free');
  } while (from !== undefined);
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
