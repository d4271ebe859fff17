import { eventually } from '../../services/wait-until.js';
import { type AnyOffice } from '../modes.js';
import { openSmallHall, type SmallHall } from '../small-hall.js';
import { lookEveryMs, PatientFan, seatTaken, stormLimitMs } from './patient-fan.js';

const buyersAtOnce = 50;
const dreamersAtOnce = 10;
/** A buyer books so often, then leaves the place to the next. */
const bookingsEach = 2;
const pointsEach = 200;
/** Seats between one that is taken and the next choice. */
const farAway = 53;

/** Holds of one dreamer that lapse, at most: fewer than end a turn in a small hall. */
const maxDreams = 45;

/** Sixty fans at a time who book as fast as they can: buyers pay, dreamers hold seats and let them go. */
export class Crowd {
  readonly fans: PatientFan[] = [];
  #isGoingHome = false;
  #bookings = 0;
  #busy: Promise<PromiseSettledResult<void>[]> = Promise.resolve([]);
  #failures: unknown[] = [];

  private constructor(
    private readonly office: AnyOffice,
    readonly hall: SmallHall,
    readonly dreamHall: SmallHall,
  ) {}

  /** Puts two halls on sale and lets the crowd in. @param id tells halls of one office apart. */
  static async gather(office: AnyOffice, id: string): Promise<Crowd> {
    const hall = await openSmallHall(office, { id: `${id} hall`, rows: 20, seatsPerRow: 30 });
    const dreamHall = await openSmallHall(office, {
      id: `${id} dreams`,
      rows: 1,
      seatsPerRow: 12,
      sales: { holdTtlMs: 1_500 },
    });
    const crowd = new Crowd(office, hall, dreamHall);
    crowd.#busy = Promise.allSettled([
      ...Array.from({ length: buyersAtOnce }, (_, place) => crowd.#watch(crowd.#buyers(place))),
      ...Array.from({ length: dreamersAtOnce }, (_, place) => crowd.#watch(crowd.#dreamer(place))),
    ]);
    return crowd;
  }

  /** Waits until so many more orders have been paid. @throws what went wrong for a fan. */
  async books(orders: number): Promise<void> {
    const goal = this.#bookings + orders;
    await eventually(
      async () => {
        this.#throwFailure();
        return this.#bookings >= goal;
      },
      { limitMs: stormLimitMs },
    );
  }

  /** Everybody finishes what they are at. @throws what went wrong for a fan. */
  async goHome(): Promise<void> {
    this.#isGoingHome = true;
    await this.#busy;
    this.#throwFailure();
  }

  async #watch(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failures.push(error);
    }
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #newFan(): Promise<PatientFan> {
    const fan = new PatientFan(this.office);
    this.fans.push(fan);
    await fan.arrive();
    return fan;
  }

  /** One buyer after the other. */
  async #buyers(place: number): Promise<void> {
    // Two at a time want the same seats at the same moment.
    for (let first = Math.floor(place / 2) * 24; !this.#isGoingHome; first += 5) {
      const fan = await this.#newFan();
      for (let booking = 0; booking < bookingsEach && !this.#isGoingHome; booking++) {
        await this.#book(fan, first + booking * 3, 1 + (booking % 2));
      }
    }
  }

  async #book(fan: PatientFan, first: number, seats: number): Promise<void> {
    const { performanceId, scheduleId, seatIds } = this.hall;
    await fan.charge(pointsEach);
    await fan.queue(performanceId, seats);
    for (let at = first; ; at += farAway) {
      const wanted = Array.from({ length: seats }, (_, seat) => seatIds[(at + seat) % seatIds.length] ?? '');
      const holdId = await fan.hold(scheduleId, wanted);
      if (holdId === undefined) continue;
      const orderId = await fan.pay(holdId);
      this.#bookings++;
      if (this.#bookings % 5 === 0) await fan.cancel(orderId);
      return;
    }
  }

  /** Holds a seat, does not pay, and waits until it is free again. */
  async #dreamer(place: number): Promise<void> {
    const { performanceId, scheduleId, seatIds } = this.dreamHall;
    const fan = await this.#newFan();
    await fan.queue(performanceId, 1);
    // The turn ends with the hall's number of lapsed holds.
    for (let round = place; round < place + maxDreams && !this.#isGoingHome; round++) {
      // When the answer comes late the hold may be over before the fan hears of it.
      const refusals = [...seatTaken, 'hold-ended'];
      const holdId = await fan.hold(scheduleId, [seatIds[round % seatIds.length] ?? ''], refusals);
      if (holdId === undefined) continue;
      const isOver = async () => (await fan.list('/v1/holds')).length === 0;
      await eventually(isOver, { everyMs: lookEveryMs, limitMs: stormLimitMs });
    }
  }
}
