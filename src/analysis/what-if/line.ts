import { type AdmissionState, admissionDecider, paceLeft } from '../../domain/admission.js';
import type { SalesRules } from '../../events/catalog-events.js';
import { type Instant, type PerformanceId, toInstant } from '../../events/ids.js';

/** Settings of an on-sale that a replay may change. */
export type SaleSettings = Pick<
  SalesRules,
  | 'holdTtlMs'
  | 'maxActive'
  | 'admitPerSecond'
  | 'claimWindowMs'
  | 'serviceWindowMs'
  | 'maxLapsedHolds'
  | 'maxReleasedHolds'
  | 'seatCoolDownMs'
  | 'idleWindowMs'
>;

/** A person in the queue, by place. */
export interface InLine {
  readonly place: number;
  /** `absent`: has not joined yet; `gone`: left, or was admitted. */
  status: 'absent' | 'waiting' | 'gone';
}

/** Fans let in by one admission, as in the office's AdmitTokens. */
const maxFansPerAdmission = 2_000;

/** The queue of a simulated sale: admissions are chosen as the office does, and decided by its own decider. */
export class Line<Person extends InLine> {
  #state: AdmissionState;
  /** Index of the first person behind the last admission. */
  #next = 0;
  waiting = 0;
  active = 0;

  /** @param people by place. */
  constructor(
    private readonly people: readonly Person[],
    private readonly performanceId: PerformanceId,
    private readonly settings: SaleSettings,
  ) {
    const opened = { performanceId, seed: '', shuffledCount: 0 };
    this.#state = admissionDecider.evolve(admissionDecider.initialState, {
      type: 'QueueOpened',
      data: opened,
    });
  }

  /** Admits as many as maxActive and the pace allow. */
  admit(nowMs: number): { readonly people: readonly Person[]; readonly claimUntil: Instant } {
    const now = toInstant(nowMs);
    const { maxActive, admitPerSecond, claimWindowMs } = this.settings;
    const nobody = { people: [], claimUntil: now };
    const pace = Math.min(paceLeft(this.#state, admitPerSecond, now), maxFansPerAdmission);
    if (pace === 0) return nobody;
    const from = this.#state.admittedUpTo;
    const people = this.#waitingFrom(Math.min(pace, Math.max(0, maxActive - this.active)));
    const last = people.at(-1);
    if (!last) return nobody;
    const to = last.place + 1;
    const decision = admissionDecider.decide(
      {
        kind: 'admit',
        performanceId: this.performanceId,
        from,
        to,
        waitingInRange: people.length,
        active: this.active,
        maxActive,
        admitPerSecond,
        claimWindowMs,
      },
      this.#state,
      now,
    );
    if (decision.kind === 'rejected')
      throw new Error(`the simulated queue made an invalid admission: ${decision.rejection.message}`);
    this.#state = decision.events.reduce(admissionDecider.evolve, this.#state);
    while ((this.people[this.#next]?.place ?? to) < to) this.#next++;
    for (const person of people) person.status = 'gone';
    this.waiting -= people.length;
    this.active += people.length;
    const claimUntil = this.#state.recent.at(-1)?.expiresAt ?? now;
    return { people, claimUntil };
  }

  /** The next people who wait, at most `limit`. Places follow the order of joining: all after an absent one are absent. */
  #waitingFrom(limit: number): Person[] {
    const waiting: Person[] = [];
    for (let index = this.#next; index < this.people.length && waiting.length < limit; index++) {
      const person = this.people[index];
      if (!person || person.status === 'absent') break;
      if (person.status === 'waiting') waiting.push(person);
    }
    return waiting;
  }
}
