import { type HoldId, type Instant } from '../../events/ids.js';
import type { SeatEvent } from '../../events/seat-events.js';
import { Behaviours } from './behaviour.js';
import { capacityOf, type Demand } from './demand.js';
import { EventQueue } from './event-queue.js';
import { byJoining, decideTurn, Inside, type Visitor, visitorOf } from './inside.js';
import { Line, type SaleSettings } from './line.js';
import { type Outcome, Tally } from './outcome.js';
import { Seats } from './seats.js';

/** Interval of admissions: the default of ADMISSION_INTERVAL_MS. */
const admissionIntervalMs = 200;

interface SimulationOptions {
  readonly seed: number;
  /** Called with the seat events the log would have. */
  readonly onSeatEvent?: (event: SeatEvent) => void;
  /** Called from time to time with the number of fans who have joined. */
  readonly onProgress?: (joined: number) => void;
}

/** Fans who join between two calls of onProgress. */
const progressStep = 1_000;

/**
 * Runs an on-sale's demand with given settings: a discrete-event simulation on virtual time, in which the office's own
 * deciders decide admissions, turns and seats. The same demand, settings and seed give the same run.
 * docs/what-if.md states what it assumes about fans.
 */
export function simulate(demand: Demand, settings: SaleSettings, options: SimulationOptions): Outcome {
  return new Simulation(demand, settings, options).run();
}

class Simulation {
  readonly #time: EventQueue;
  readonly #tally: Tally;
  readonly #visitors: readonly Visitor[];
  readonly #line: Line<Visitor>;
  readonly #behaviours: Behaviours;
  readonly #inside: Inside;
  readonly #lapsed = new Set<HoldId>();
  #isTicking = false;

  constructor(
    private readonly demand: Demand,
    settings: SaleSettings,
    private readonly options: SimulationOptions,
  ) {
    const { fans, openedAtMs, hall, performanceId } = demand;
    this.#time = new EventQueue(fans.reduce((first, fan) => Math.min(first, fan.joinedAtMs), openedAtMs));
    this.#tally = new Tally(openedAtMs);
    this.#behaviours = new Behaviours(fans, options.seed);
    this.#visitors = fans.map(visitorOf);
    this.#line = new Line(this.#visitors, performanceId, settings);
    this.#inside = new Inside({
      time: this.#time,
      seats: new Seats(hall, (event) => this.#onSeatEvent(event)),
      tally: this.#tally,
      settings,
      onEnd: () => this.#line.active--,
    });
  }

  run(): Outcome {
    const { openedAtMs, untilMs, fans, hall } = this.demand;
    this.#joinNext(byJoining(this.#visitors), 0);
    this.#time.at(openedAtMs, () => this.#wake());
    while (this.#time.step(untilMs));
    this.#tally.lapsedHolds = this.#lapsed.size;
    return this.#tally.outcome(fans.length, capacityOf(hall));
  }

  /** Schedules one newcomer at a time, to keep the event queue short. */
  #joinNext(visitors: readonly Visitor[], index: number): void {
    const visitor = visitors[index];
    if (!visitor) return;
    if (index % progressStep === 0) this.options.onProgress?.(index);
    this.#time.at(visitor.fan.joinedAtMs, () => {
      this.#join(visitor);
      this.#joinNext(visitors, index + 1);
    });
  }

  #join(visitor: Visitor): void {
    const { fan, ids } = visitor;
    const { performanceId } = this.demand;
    const { seatLimit } = fan;
    const request = {
      kind: 'request',
      ...ids,
      performanceId,
      entry: 0,
      numberOfTickets: 1,
      seatLimit,
    } as const;
    decideTurn(visitor, request, this.#time.nowMs);
    visitor.behaviour = this.#behaviours.of(fan);
    visitor.status = 'waiting';
    this.#line.waiting++;
    const { patienceMs } = visitor.behaviour;
    if (Number.isFinite(patienceMs)) this.#time.at(fan.joinedAtMs + patienceMs, () => this.#giveUp(visitor));
    this.#wake();
  }

  #giveUp(visitor: Visitor): void {
    if (visitor.status !== 'waiting') return;
    decideTurn(visitor, { kind: 'leave' }, this.#time.nowMs);
    visitor.status = 'gone';
    visitor.token = undefined;
    this.#line.waiting--;
    this.#tally.gaveUp++;
  }

  /** Starts admitting at the next interval after the opening; goes on while fans wait. */
  #wake(): void {
    const { openedAtMs } = this.demand;
    if (this.#isTicking || this.#time.nowMs < openedAtMs) return;
    this.#isTicking = true;
    const beats = Math.ceil((this.#time.nowMs - openedAtMs) / admissionIntervalMs);
    this.#time.at(openedAtMs + beats * admissionIntervalMs, () => this.#tick());
  }

  #tick(): void {
    const { nowMs } = this.#time;
    const { people, claimUntil } = this.#line.admit(nowMs);
    for (const visitor of people) this.#admit(visitor, claimUntil);
    this.#isTicking = this.#line.waiting > 0;
    if (this.#isTicking) this.#time.at(nowMs + admissionIntervalMs, () => this.#tick());
  }

  #admit(visitor: Visitor, claimUntil: Instant): void {
    const { nowMs } = this.#time;
    const { turn } = visitor.behaviour ?? this.#behaviours.of(visitor.fan);
    visitor.admittedAtMs = nowMs;
    this.#tally.admit(visitor.fan.joinedAtMs, nowMs);
    this.#time.at(Date.parse(claimUntil), () => this.#inside.missTurn(visitor, claimUntil));
    if (turn.kind === 'enters') {
      this.#time.at(nowMs + turn.afterMs, () => this.#inside.enter(visitor, turn, claimUntil));
    }
  }

  #onSeatEvent(event: SeatEvent): void {
    if (event.type === 'SeatHoldExpired') this.#lapsed.add(event.data.holdId);
    this.options.onSeatEvent?.(event);
  }
}
