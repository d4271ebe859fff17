import { toInstant } from '../../src/events/ids.js';
import { type FaultKind } from '../../src/simulator/faults.js';
import { reproduction, shrink } from '../../src/simulator/shrink.js';
import type { SimulationOptions, SimulationOutcome } from '../../src/simulator/simulate.js';

const at = toInstant(0);

/** A run in which the defect shows from step 37 on, if replies are lost; another one shows from step 90 on. */
async function run({ seed, steps, withoutFaults }: SimulationOptions): Promise<SimulationOutcome> {
  const struck = (['reply-lost', 'clock-jump', 'job-late'] as const).filter(
    (kind) => !withoutFaults?.has(kind),
  );
  const hasFailed = steps >= 37 && struck.includes('reply-lost');
  const code = steps >= 90 ? 'not-settled' : 'promise-broken';
  return {
    seed,
    findings: hasFailed ? [{ code, message: 'it shows', step: steps, at }] : [],
    faults: new Map(struck.map((kind): [FaultKind, number] => [kind, 1])),
    branches: new Map(),
    events: 0,
    virtualMs: 0,
    endedAt: at,
    fingerprint: 0,
  };
}

const failing = async (steps: number) => {
  const options = { seed: 5, steps };
  return { options, outcome: await run(options) };
};

describe('a failing seed is made smaller', () => {
  it('to the fewest steps and the only kind of fault that it needs', async () => {
    const { options, outcome } = await shrink(await failing(80), run);
    expect(options.steps).toBe(37);
    expect([...(options.withoutFaults ?? [])].sort()).toEqual(['clock-jump', 'job-late']);
    expect(outcome.findings).toHaveLength(1);
    expect(reproduction(options)).toMatch(
      /^npx boxoffice simulate --seed 5 --steps 37( --without (clock-jump|job-late)){2} --trace$/,
    );
  });

  it('while it fails in the same way', async () => {
    expect((await shrink(await failing(500), run)).options.steps).toBe(90);
  });
});
