import { availableParallelism } from 'node:os';
import {
  type CampaignReport,
  runCampaign,
  runSeed,
  seedsThatSeeAll,
  startSeedWorker,
} from '../simulator/campaign.js';
import { type FaultKind, faultKinds, faults } from '../simulator/faults.js';
import { type FailingRun, reproduction, shrink } from '../simulator/shrink.js';
import { simulate } from '../simulator/simulate.js';
import {
  CliFailure,
  collect,
  type DefineCommand,
  type ExitCode,
  exitCodes,
  toWholeNumber,
} from './command.js';
import { stopOnSignal, type Terminal, textTable } from './terminal.js';

interface Flags {
  readonly seeds: string;
  readonly from: string;
  readonly seed?: string;
  readonly steps: string;
  readonly jobs: string;
  readonly without?: readonly string[];
  readonly trace?: boolean;
  readonly json?: boolean;
}

/** Failing seeds that are shrunk at the end; the others are only named. */
const maxShrunk = 3;

/** What `boxoffice simulate` does and takes. */
export const defineSimulateCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Runs the real commands, processes and projections on a simulated log, database, payment system, network and ' +
        'clock, with faults of every kind, and checks the outcome. The seed determines the whole run: the same seed ' +
        'gives the same run.',
    )
    .option('--seeds <number>', 'how many seeds to run', '100')
    .option('--from <seed>', 'the first seed', '1')
    .option('--seed <seed>', 'run only this seed')
    .option('--steps <number>', 'actions of clients in each run before the faults stop', '500')
    .option('--jobs <number>', 'threads', String(availableParallelism()))
    .option('--without <fault>', 'switch off a kind of fault; may be repeated', collect)
    .option('--trace', 'with --seed: print everything that happens')
    .option('--json', 'print the report as JSON')
    .action(async (flags: Flags) => done(await runSimulate(flags, terminal)));
};

async function runSimulate(flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const steps = toWholeNumber('--steps', flags.steps, 1, 100_000);
  const withoutFaults = toFaultKinds(flags.without ?? []);
  const isOne = flags.seed !== undefined;
  if (flags.trace && !isOne) throw new CliFailure('--trace needs --seed: it prints one run');
  const firstSeed = toWholeNumber(isOne ? '--seed' : '--from', flags.seed ?? flags.from, 0, 2 ** 32 - 1);
  if (flags.trace) {
    const onTrace = (line: string) => terminal.out(`${line}\n`);
    const outcome = await simulate({ seed: firstSeed, steps, withoutFaults, onTrace });
    return outcome.findings.length === 0 ? exitCodes.ok : exitCodes.failed;
  }
  const seeds = isOne ? 1 : toWholeNumber('--seeds', flags.seeds, 1, 100_000_000);
  const jobs = Math.min(seeds, toWholeNumber('--jobs', flags.jobs, 1, 256));
  const workers = jobs === 1 ? [] : Array.from({ length: jobs }, startSeedWorker);
  const stop = stopOnSignal();
  const startedAtMs = Date.now();
  const seconds = () => (Date.now() - startedAtMs) / 1000;
  try {
    const report = await runCampaign({
      firstSeed,
      seeds,
      steps,
      withoutFaults,
      runners: jobs === 1 ? [runSeed] : workers.map((worker) => worker.run),
      signal: stop.signal,
      onProgress: progressOn(terminal, seeds, seconds),
    });
    const tookSeconds = seconds();
    const isWhole = report.seeds >= seedsThatSeeAll && steps >= 500;
    const isGood = report.failures.length === 0 && !(isWhole && report.neverSeen.length > 0);
    if (flags.json) terminal.out(`${toJson(report, tookSeconds)}\n`);
    else terminal.out(describeCampaign(report, tookSeconds));
    if (stop.signal.aborted) return exitCodes.interrupted;
    if (!flags.json) await explainFailures(report, terminal);
    return isGood ? exitCodes.ok : exitCodes.failed;
  } finally {
    stop.ignore();
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

async function explainFailures({ failures }: CampaignReport, terminal: Terminal): Promise<void> {
  for (const failing of failures.slice(0, maxShrunk)) {
    terminal.err(`shrinking seed ${failing.options.seed}…\n`);
    terminal.out(describeFailure(await shrink(failing)));
  }
  const others = failures.slice(maxShrunk).map(({ options }) => options.seed);
  if (others.length > 0) terminal.out(`seeds that failed as well: ${others.join(', ')}\n`);
}

/** Draws a progress bar on an interactive terminal. */
function progressOn(terminal: Terminal, seeds: number, seconds: () => number) {
  const width = 40;
  return (report: CampaignReport): void => {
    if (!terminal.isInteractive) return;
    const filled = Math.round((width * report.seeds) / seeds);
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}]`;
    const rate = (report.seeds / Math.max(0.001, seconds())).toFixed(1);
    const failed = report.failures.length === 0 ? '' : `, ${report.failures.length} FAILED`;
    const isEnd = report.seeds === seeds;
    terminal.err(`\r${bar} ${report.seeds} of ${seeds} seeds, ${rate}/s${failed}${isEnd ? '\n' : ''}`);
  };
}

function toFaultKinds(names: readonly string[]): ReadonlySet<FaultKind> {
  return new Set(
    names.map((name) => {
      const kind = faultKinds.find((known) => known === name);
      if (!kind)
        throw new CliFailure(`--without: there is no fault ${name}; there are ${faultKinds.join(', ')}`);
      return kind;
    }),
  );
}

/** A campaign's report for people to read. */
export function describeCampaign(report: CampaignReport, tookSeconds: number): string {
  const { seeds, repeated, events, virtualMs, failures, neverSeen } = report;
  const strikes = [...report.faults].map(([kind, count]) => [String(count), kind, faults[kind]]);
  const seen = [...report.branches].sort(([a], [b]) => (a < b ? -1 : 1));
  const rate = (seeds / Math.max(0.001, tookSeconds)).toFixed(1);
  const lines = [
    '',
    `${seeds} seeds in ${tookSeconds.toFixed(1)} s (${rate} a second); ${events} events in ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time`,
    `${repeated} seeds were run twice and compared`,
    `never seen${seeds < seedsThatSeeAll ? ' (in so few seeds)' : ''}: ${neverSeen.join(', ') || 'everything expected was seen'}`,
    failures.length === 0 ? 'Nothing is wrong.' : `${failures.length} seeds FAILED.`,
    '',
  ];
  const tables = [
    textTable(['STRUCK', 'FAULT', 'WHAT IT IS'], strikes),
    textTable(
      ['HAPPENED', 'WHAT'],
      seen.map(([branch, count]) => [String(count), branch]),
    ),
  ];
  return `${tables.join('\n')}${lines.join('\n')}`;
}

/** A failing run: its findings, and the command that repeats it. */
export function describeFailure({ options, outcome }: FailingRun): string {
  const lines = outcome.findings
    .slice(0, 5)
    .map(({ code, message, step, at }) => `  ${code} (step ${step}, ${at}): ${message}`);
  return `seed ${options.seed}:\n${lines.join('\n')}\n  ${reproduction(options)}\n`;
}

/** The same as JSON. */
export function toJson(report: CampaignReport, tookSeconds: number): string {
  const failures = report.failures.map(({ options, outcome }) => ({
    seed: options.seed,
    reproduce: reproduction(options),
    findings: outcome.findings,
  }));
  const { faults: strikes, branches, ...rest } = report;
  const json = {
    ...rest,
    seconds: tookSeconds,
    faults: Object.fromEntries(strikes),
    branches: Object.fromEntries(branches),
    failures,
  };
  return JSON.stringify(json, null, 2);
}
