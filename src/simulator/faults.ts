import type { Random } from './random.js';

/** Every kind of fault a simulation injects, and what it is. */
export const faults = {
  'append-conflict': 'an append is refused although the revision was right',
  'append-lost': 'an append times out and was not written',
  'append-reply-lost': 'an append times out and was written',
  'append-late': 'an append times out first and is written later',
  'append-doubled': 'an append arrives twice',
  'append-crash': 'a process dies with an append on its way',
  'read-failed': 'a read of the log fails',
  'old-schema': 'an event is written by the build before this one',
  'subscription-dropped': 'a subscription ends with an error',
  'subscription-repeated': 'a subscription delivers events again',
  'database-deadlock': 'a transaction of the read models is rolled back',
  'database-commit-lost': 'a commit fails with its outcome unknown, and did not happen',
  'database-commit-unknown': 'a commit fails with its outcome unknown, and did happen',
  'database-read-failed': 'a query of the read models fails',
  'database-restored': 'the read models are put back to an older state',
  'transaction-crash': 'a process dies between rows and commit',
  'job-lost': 'a deadline’s job never runs',
  'job-doubled': 'a deadline’s job runs twice',
  'job-early': 'a deadline’s job runs before its time',
  'job-late': 'a deadline’s job runs late, after others',
  'job-stalled': 'a job is given to another process while the first still runs it',
  'jobs-emptied': 'all waiting jobs are lost',
  'timer-early': 'a timer of a process runs a millisecond before its time, as Node’s may',
  'turn-doubled': 'two processes get the same round of periodic work',
  'payment-failed': 'the payment system fails before it takes the money',
  'payment-reply-lost': 'the payment system takes the money and its reply is lost',
  'payment-hung': 'the payment system does not answer',
  'payment-pending': 'the payment system decides later',
  'callback-late': 'a callback comes late',
  'callback-doubled': 'a callback comes twice',
  'request-lost': 'a request never arrives',
  'request-doubled': 'a request arrives twice',
  'reply-lost': 'a reply never arrives',
  'process-crash': 'a process dies; what it had in memory is gone',
  'process-pause': 'a process pauses for up to 20 seconds, longer than any hold',
  'clock-jump': 'a process’s clock jumps',
} as const;

export type FaultKind = keyof typeof faults;

/** All kinds in the order of the report. */
export const faultKinds = Object.keys(faults) as FaultKind[]; // the keys of the table above and nothing else

/** Decides when faults strike, and counts them. */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  /** No fault strikes while false. */
  isOn = false;
  readonly #factors = new Map<FaultKind, number>();

  /**
   * Each seed draws its own rates (swarm testing: Groce et al., ISSTA 2012): some kinds never strike, others rarely or
   * often, so that a frequent kind does not hide the effects of another.
   * @param without kinds that never strike with any seed; everything else stays the same.
   */
  constructor(
    private readonly random: Random,
    without: ReadonlySet<FaultKind>,
  ) {
    for (const kind of faultKinds) {
      const factor = random.chance(0.35) ? 0 : 0.25 + 3 * random.next() ** 2;
      this.#factors.set(kind, without.has(kind) ? 0 : factor);
    }
  }

  /** Whether the fault strikes now. @param share of cases in which it does at the average rate. */
  strikes(kind: FaultKind, share: number): boolean {
    if (!this.random.chance(share * (this.#factors.get(kind) ?? 0)) || !this.isOn) return false;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }
}
