/** What a fan does, in this order; `stream` is the time until the first message of a live stream. */
export const steps = ['join', 'stream', 'place', 'enter', 'plan', 'status', 'hold', 'pay', 'leave'] as const;
export type Step = (typeof steps)[number];

export interface StepResult {
  readonly step: Step;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Errors that are kept with their text; more are only counted. */
const maxKept = 20;

/** Counts replies. Times are of replies that gave what was asked for, and include the wait for a connection. */
export class Tally {
  readonly #times = new Map<Step, number[]>(steps.map((step) => [step, []]));
  readonly #refusals = new Map<string, number>();
  readonly #errors = new Map<string, number>();

  took(step: Step, ms: number): void {
    this.#times.get(step)?.push(ms);
  }

  /** A refusal that says why, and if it is worth trying again, when. */
  refused(step: Step, code: string): void {
    add(this.#refusals, `${step}: ${code}`);
  }

  /** Anything else: a lost connection, a reply that no client can go on with. */
  failed(step: Step, what: string): void {
    const name = `${step}: ${what}`;
    if (this.#errors.has(name) || this.#errors.size < maxKept) add(this.#errors, name);
    else add(this.#errors, 'others');
  }

  result() {
    return {
      steps: steps.map((step): StepResult => {
        const times = Float64Array.from(this.#times.get(step) ?? []).sort();
        const at = (share: number) =>
          times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
        return { step, count: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
      }),
      refusals: Object.fromEntries([...this.#refusals].toSorted()),
      errors: Object.fromEntries([...this.#errors].toSorted()),
    };
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
