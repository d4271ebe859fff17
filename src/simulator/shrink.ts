import { type FaultKind, faultKinds } from './faults.js';
import { type SimulationOptions, type SimulationOutcome, simulate } from './simulate.js';

/** A run that fails, and how it fails. */
export interface FailingRun {
  readonly options: SimulationOptions;
  readonly outcome: SimulationOutcome;
}

/** Most runs of one shrinking: each may take as long as the failing run. */
const maxRuns = 80;

/**
 * Reduces a failing run while it fails in the same way: first fewer steps, then without one kind of fault after the
 * other, then fewer steps again.
 * @param run runs a simulation; tests replace it.
 */
export async function shrink(failing: FailingRun, run = simulate): Promise<FailingRun> {
  const [code] = failing.outcome.findings.map((finding) => finding.code);
  let best = failing;
  let runs = 0;
  const attempt = async (options: SimulationOptions): Promise<boolean> => {
    if (++runs > maxRuns) return false;
    const outcome = await run(options);
    if (!outcome.findings.some((finding) => finding.code === code)) return false;
    best = { options, outcome };
    return true;
  };
  const shorten = async () => {
    const [found] = best.outcome.findings;
    const foundAt = found?.step ?? best.options.steps;
    if (foundAt < best.options.steps) await attempt({ ...best.options, steps: foundAt });
    for (let less = best.options.steps >> 1; less >= 1; less >>= 1) {
      while (
        best.options.steps > less &&
        (await attempt({ ...best.options, steps: best.options.steps - less }))
      );
    }
  };
  await shorten();
  for (const kind of kindsOf(best)) {
    const withoutFaults = new Set([...(best.options.withoutFaults ?? []), kind]);
    await attempt({ ...best.options, withoutFaults });
  }
  await shorten();
  return best;
}

/** The kinds of fault that struck, in the order of the report. */
function kindsOf({ outcome }: FailingRun): FaultKind[] {
  return faultKinds.filter((kind) => outcome.faults.has(kind));
}

/** The command line that repeats a run. */
export function reproduction({ seed, steps, withoutFaults }: SimulationOptions): string {
  const without = [...(withoutFaults ?? [])].map((kind) => ` --without ${kind}`).join('');
  return `npx boxoffice simulate --seed ${seed} --steps ${steps}${without} --trace`;
}
