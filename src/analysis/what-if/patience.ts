import type { Random } from '../../platform/random.js';
import type { WaitedFor } from './demand.js';

interface Step {
  readonly ms: number;
  /** Share of people still in line after this long. */
  readonly staying: number;
}

/**
 * How long people stay in line, estimated from those who left and those whom something else kept from leaving, by
 * Kaplan and Meier (Nonparametric Estimation from Incomplete Observations, JASA 53, 1958): who was let in after ten
 * seconds had at least ten seconds of patience.
 */
export class Patience {
  readonly #steps: readonly Step[];

  constructor(waited: readonly WaitedFor[]) {
    const sorted = [...waited].sort((a, b) => a.ms - b.ms || Number(b.left) - Number(a.left));
    const steps: Step[] = [];
    let staying = 1;
    sorted.forEach(({ ms, left }, index) => {
      if (!left) return;
      const atRisk = sorted.length - index;
      staying *= 1 - 1 / atRisk;
      steps.push({ ms, staying });
    });
    this.#steps = steps;
  }

  /**
   * A patience longer than `atLeastMs`; infinite where nobody was ever seen leaving after so long.
   * @param atLeastMs how long the fan is known to have stayed.
   */
  draw(atLeastMs: number, random: Random): number {
    const steps = this.#steps;
    const from = firstAfter(steps, atLeastMs);
    const staying = steps[from - 1]?.staying ?? 1;
    const drawn = random.next() * staying;
    let [low, high] = [from, steps.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((steps[middle]?.staying ?? 0) <= drawn) high = middle;
      else low = middle + 1;
    }
    return steps[low]?.ms ?? Number.POSITIVE_INFINITY;
  }
}

/** Index of the first step later than `ms`. */
function firstAfter(steps: readonly Step[], ms: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle]?.ms ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
