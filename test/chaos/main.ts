/** npm run chaos: see docs/chaos.md. */
import { CliFailure, type ExitCode, exitCodes } from '../../src/cli/command.js';
import { processTerminal as terminal } from '../../src/cli/terminal.js';
import { hasRealLog, plannedFaults } from './cluster-faults.js';
import type { CycleResult } from './cycle.js';
import { type ChaosOptions, commandOf, readOptions, usage } from './options.js';
import { cycleTable, summarise, summaryTable } from './report.js';
import { ChaosRun } from './run.js';

const maxFindingsTold = 50;
const results: CycleResult[] = [];
let running: ChaosRun | undefined;
let isInterrupted = false;

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') terminal.out(usage());
  else process.exitCode = await runAll(options);
} catch (error) {
  // An office that is closed under its fans makes all kinds of errors.
  if (!isInterrupted) process.exitCode = await giveUp(error);
}

/** Something that is no finding went wrong. */
async function giveUp(error: unknown): Promise<ExitCode> {
  await running?.close({ keep: true });
  if (error instanceof CliFailure) {
    terminal.err(`chaos: ${error.message}\n`);
    return error.exitCode;
  }
  terminal.err(`chaos: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.failed;
}

async function runAll(options: ChaosOptions): Promise<ExitCode> {
  process.once('SIGINT', () => void interrupt(options));
  terminal.err(`seed ${options.seed}\n`);
  if (hasRealLog && options.modes.includes('cluster')) {
    const left = plannedFaults.map(({ name }) => name).join(', ');
    terminal.err(`the log is a real EventStoreDB; left out, because they need the stand-in: ${left}\n`);
  }
  for (const mode of options.modes) {
    const run = new ChaosRun(mode, options);
    running = run;
    for await (const result of run.cycles()) {
      results.push(result);
      tell(result, options);
    }
    const found = results.at(-1)?.findings ?? [];
    await run.close({ keep: found.length > 0 });
    if (found.length > 0) {
      explain(run, options);
      report(options);
      return exitCodes.failed;
    }
  }
  report(options);
  return exitCodes.ok;
}

/** Stops every process, however the cycle stands. A second Ctrl-C does not wait for them: their guards end them. */
async function interrupt(options: ChaosOptions): Promise<void> {
  isInterrupted = true;
  process.once('SIGINT', () => process.exit(exitCodes.interrupted));
  process.on('unhandledRejection', () => undefined);
  terminal.err('stopping\n');
  await running?.close({ keep: false });
  report(options);
  process.exit(exitCodes.interrupted);
}

function tell(result: CycleResult, { json, from, cycles }: ChaosOptions): void {
  if (json) terminal.out(`${JSON.stringify(result)}\n`);
  const { cycle, mode, fault, requests, acknowledged, unknown, convergedMs, findings } = result;
  const settled = convergedMs === null ? 'never settled' : `settled after ${convergedMs} ms`;
  terminal.err(
    `${mode} ${cycle - from + 1}/${cycles} ${fault}: ${requests} requests, ${acknowledged} acknowledged, ` +
      `${unknown} unknown, ${settled}, ${findings.length} findings\n`,
  );
}

/** What was found, and where to look. */
function explain({ folder }: ChaosRun, options: ChaosOptions): void {
  const result = results.at(-1);
  if (!result) return;
  const { cycle, mode, fault, findings } = result;
  const first = findings.slice(0, maxFindingsTold).map((finding) => `  ${finding}\n`);
  terminal.err(
    `\nFound in cycle ${cycle} (${fault}), seed ${options.seed}, ${findings.length} times:\n${first.join('')}
The data is kept in ${folder}: docs/chaos.md tells what is what in it.
Again: ${commandOf(mode, cycle, options)}\n\n`,
  );
}

function report({ json, seed }: ChaosOptions): void {
  if (json) {
    terminal.out(`${JSON.stringify({ seed, cycles: results.length, faults: summarise(results) })}\n`);
    return;
  }
  terminal.out(`${cycleTable(results)}\n${summaryTable(results)}`);
}
