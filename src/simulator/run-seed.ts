import { type SimulationOptions, type SimulationOutcome, simulate } from './simulate.js';

/** A seed's outcome, and whether it was run twice to compare. */
export interface SeedRun {
  readonly outcome: SimulationOutcome;
  readonly isRepeated: boolean;
}

export type RunSeed = (options: SimulationOptions) => Promise<SeedRun>;

/** Every so many seeds one is run twice: equal seeds must give equal runs. */
const repeatEvery = 100;

/** Runs a seed in this thread. */
export const runSeed: RunSeed = async (options) => {
  const outcome = await simulate(options);
  if (options.seed % repeatEvery !== 0) return { outcome, isRepeated: false };
  const again = await simulate(options);
  if (again.fingerprint === outcome.fingerprint) return { outcome, isRepeated: true };
  const message = `two runs of one seed differ: ${outcome.fingerprint} and ${again.fingerprint}`;
  const at = outcome.findings[0]?.at ?? again.endedAt;
  const finding = { code: 'not-deterministic', message, step: options.steps, at };
  return { outcome: { ...outcome, findings: [finding, ...outcome.findings] }, isRepeated: true };
};
