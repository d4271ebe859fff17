import { setTimeout as delay } from 'node:timers/promises';
import type { SmallHall } from '../e2e/small-hall.js';
import type { ChaosOffice } from './chaos-office.js';
import type { Ledger } from './ledger.js';
import { LedgerFan } from './ledger-fan.js';
import { Random } from './random.js';

export const seatPrice = 100;
const pointsEach = 300;
/** Other seats a fan tries when the first choice is taken. */
const choices = 4;

export interface LoadSettings {
  /** At a time; each who has finished makes room for another. */
  readonly fans: number;
  readonly seed: number;
  /** Clocks of the office may be wrong by so much. */
  readonly clockShiftMs: number;
  /** How long a fan repeats a request without an answer. */
  readonly patienceMs: number;
  /** Whether a request that is repeated gets the reply of the first, whichever process answers: Redis knows them. */
  readonly sharesReplies: boolean;
}

/** Fans who come one after the other: they buy, let go, forget, change their minds. */
export class Load {
  readonly fans: LedgerFan[] = [];
  #isOver = false;
  readonly #busy: Promise<unknown>;

  constructor(
    private readonly office: ChaosOffice,
    private readonly ledger: Ledger,
    private readonly hall: SmallHall,
    private readonly settings: LoadSettings,
  ) {
    this.#busy = Promise.all(Array.from({ length: settings.fans }, (_, place) => this.#place(place)));
  }

  /** Everybody finishes the request they are at. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#busy;
  }

  async #place(place: number): Promise<void> {
    const random = new Random(this.settings.seed, place);
    while (!this.#isOver) {
      const fan = new LedgerFan(this.office, this.ledger, random, this.settings);
      this.fans.push(fan);
      await this.#visit(fan, random);
      await delay(random.between(5, 50));
    }
  }

  async #visit(fan: LedgerFan, random: Random): Promise<void> {
    const { performanceId, scheduleId, seatIds } = this.hall;
    const isOver = () => this.#isOver;
    const seats = random.between(1, 2);
    if (!(await fan.arrive(pointsEach)) || isOver()) return;
    if (random.next() < 0.3) await fan.charge(seatPrice);
    if (isOver() || !(await fan.queue(performanceId, seats, isOver))) return;
    for (let choice = 0; choice < choices && !isOver(); choice++) {
      const first = random.between(0, seatIds.length - seats);
      const hold = await fan.hold(scheduleId, seatIds.slice(first, first + seats));
      if (!hold) continue;
      const mood = random.next();
      // Forgotten: the hold ends by itself.
      if (mood < 0.15) return;
      if (mood < 0.35) {
        await fan.release(hold);
        continue;
      }
      const orderId = await fan.pay(hold);
      if (orderId !== undefined && random.next() < 0.5) await fan.cancel(orderId);
      return;
    }
  }
}
