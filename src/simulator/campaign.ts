import { Worker } from 'node:worker_threads';
import { expectedBranches } from './branches.js';
import { type FaultKind, faultKinds } from './faults.js';
import { type SimulationOptions, type SimulationOutcome, simulate } from './simulate.js';

interface CampaignOptions {
  readonly firstSeed: number;
  readonly seeds: number;
  readonly steps: number;
  readonly withoutFaults: ReadonlySet<FaultKind>;
  /** Each runs one seed at a time, in parallel with the others. */
  readonly runners: readonly RunSeed[];
  readonly onProgress?: (soFar: CampaignReport) => void;
  /** Once aborted, no further seed starts. */
  readonly signal?: AbortSignal;
}

export interface CampaignReport {
  /** Seeds that have ended. */
  readonly seeds: number;
  /** Seeds run twice and compared. */
  readonly repeated: number;
  readonly events: number;
  readonly virtualMs: number;
  /** How often each kind of fault struck, in the order of faults.ts; also kinds that never did. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly branches: ReadonlyMap<string, number>;
  /** Faults and branches that a large campaign must reach and this one did not. */
  readonly neverSeen: readonly string[];
  readonly failures: readonly { readonly options: SimulationOptions; readonly outcome: SimulationOutcome }[];
}

/** Number of full seeds from which on every expected fault and branch must have happened. */
export const seedsThatSeeAll = 1_000;

/** Runs all seeds on the runners and sums up. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const faults = new Map<FaultKind, number>(faultKinds.map((kind) => [kind, 0]));
  const branches = new Map<string, number>();
  const failures: { options: SimulationOptions; outcome: SimulationOutcome }[] = [];
  const sums = { seeds: 0, repeated: 0, events: 0, virtualMs: 0 };
  const report = (): CampaignReport => {
    const unseen = [...faults].filter(([kind, count]) => count === 0 && !options.withoutFaults.has(kind));
    const neverSeen = [
      ...unseen.map(([kind]) => `fault ${kind}`),
      ...expectedBranches.filter((branch) => !branches.has(branch)),
    ];
    return { ...sums, faults, branches, neverSeen, failures };
  };
  let next = options.firstSeed;
  const end = options.firstSeed + options.seeds;
  const work = async (runSeed: RunSeed) => {
    while (next < end && !options.signal?.aborted) {
      const { steps, withoutFaults } = options;
      const seedOptions = { seed: next++, steps, withoutFaults };
      const { outcome, isRepeated } = await runSeed(seedOptions);
      sums.seeds++;
      sums.repeated += Number(isRepeated);
      sums.events += outcome.events;
      sums.virtualMs += outcome.virtualMs;
      for (const [kind, count] of outcome.faults) faults.set(kind, (faults.get(kind) ?? 0) + count);
      for (const [branch, count] of outcome.branches)
        branches.set(branch, (branches.get(branch) ?? 0) + count);
      if (outcome.findings.length > 0) failures.push({ options: seedOptions, outcome });
      options.onProgress?.(report());
    }
  };
  await Promise.all(options.runners.map(work));
  failures.sort((a, b) => a.options.seed - b.options.seed);
  return report();
}

/** A seed's outcome, and whether it was run twice and compared. */
interface SeedRun {
  readonly outcome: SimulationOutcome;
  readonly isRepeated: boolean;
}

type RunSeed = (options: SimulationOptions) => Promise<SeedRun>;

/** One seed in so many is run twice: equal seeds must give equal runs. */
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

/** A thread that runs seeds. */
interface SeedWorker {
  readonly run: RunSeed;
  close(): Promise<unknown>;
}

/** Starts a thread that runs seeds. Needs a build, since threads cannot load TypeScript. */
export function startSeedWorker(): SeedWorker {
  const worker = new Worker(new URL('./worker.js', import.meta.url));
  return {
    run: (options) =>
      new Promise<SeedRun>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', (run: SeedRun) => {
          worker.off('error', reject);
          resolve(run);
        });
        worker.postMessage(options);
      }),
    close: () => worker.terminate(),
  };
}
