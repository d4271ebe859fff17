import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { replayChart } from '../analysis/what-if/chart.js';
import type { Demand } from '../analysis/what-if/demand.js';
import type { SaleSettings } from '../analysis/what-if/line.js';
import { NothingToReplay, readDemand } from '../analysis/what-if/recording.js';

import { replay } from '../analysis/what-if/report.js';
import { salesRulesSchema } from '../events/catalog-events.js';
import { type PerformanceId, performanceIdSchema } from '../events/ids.js';
import { readConfig } from '../platform/config.js';
import type { DefineCommand } from './define-command.js';
import { CliFailure, type ExitCode, exitCodes } from './exit-codes.js';
import { openLog } from './open-log.js';
import { replayPage } from './replay/report-page.js';
import { describeReplay } from './replay/report-text.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly holdTtl?: string;
  readonly maxActive?: string;
  readonly admitPerSecond?: string;
  readonly claimWindow?: string;
  readonly serviceWindow?: string;
  readonly seed?: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly svg?: string;
}

/** What `boxoffice replay` does and takes. */
export const defineReplayCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Reads from the log who came to a performance’s on-sale, when, and what they did, and simulates the same crowd ' +
        'under other settings: seats sold, waiting times, lapsed holds, fans who gave up. Nothing is written to the ' +
        'log. docs/what-if.md states what the model assumes.',
    )
    .argument('<performanceId>', 'the performance')
    .option('--hold-ttl <duration>', 'how long seats are held, such as 90s, 3m or 1h')
    .option('--max-active <number>', 'fans inside at the same time')
    .option('--admit-per-second <number>', 'fans let in per second')
    .option('--claim-window <duration>', 'the time to enter')
    .option('--service-window <duration>', 'the time inside')
    .option('--seed <number>', 'the same seed makes the same run (default: a random one)')
    .option('--json', 'print the report as JSON')
    .option('--html <file>', 'write the report with its chart as one page')
    .option('--svg <file>', 'write the chart')
    .action(async (id: string, flags: Flags) => done(await runReplay(id, flags, terminal)));
};

async function runReplay(id: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const performanceId = performanceIdSchema.safeParse(id).data;
  if (performanceId === undefined) throw new CliFailure(`${id} is not the id of a performance (a UUID)`);
  const changes = changesOf(flags);
  const seed = seedOf(flags.seed);
  const demand = await demandOf(performanceId, terminal);
  const report = replay(demand, {
    seed,
    changes,
    onProgress: (run, joined) => show(terminal, `simulating ${run}: ${joined} of ${demand.fans.length} fans`),
  });
  if (terminal.isInteractive) terminal.err('\n');
  if (flags.svg !== undefined) writeReport('--svg', flags.svg, replayChart(report));
  if (flags.html !== undefined) writeReport('--html', flags.html, replayPage(report));
  terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeReplay(report));
  return exitCodes.ok;
}

async function demandOf(performanceId: PerformanceId, terminal: Terminal): Promise<Demand> {
  const store = await openLog(readConfig(terminal.env), terminal);
  try {
    return await readDemand(store, performanceId, ({ events, fans }) =>
      show(terminal, `${events} events read, ${fans} fans found`),
    );
  } catch (error) {
    if (error instanceof NothingToReplay) throw new CliFailure(error.message);
    throw error;
  } finally {
    await store.close();
  }
}

function changesOf(flags: Flags): Partial<SaleSettings> {
  const { holdTtl, maxActive, admitPerSecond, claimWindow, serviceWindow } = flags;
  return {
    ...setting('--hold-ttl', 'holdTtlMs', holdTtl, durationMs),
    ...setting('--max-active', 'maxActive', maxActive, Number),
    ...setting('--admit-per-second', 'admitPerSecond', admitPerSecond, Number),
    ...setting('--claim-window', 'claimWindowMs', claimWindow, durationMs),
    ...setting('--service-window', 'serviceWindowMs', serviceWindow, durationMs),
  };
}

/** A setting within the bounds that a performance's own rules have. */
function setting(
  flag: string,
  name: keyof SaleSettings,
  text: string | undefined,
  parse: (text: string) => number,
): Partial<SaleSettings> {
  if (text === undefined) return {};
  const value = salesRulesSchema.shape[name].safeParse(text.trim() === '' ? Number.NaN : parse(text));
  if (value.success) return { [name]: value.data };
  throw new CliFailure(`${flag}: ${text}: ${value.error.issues[0]?.message ?? 'not possible'}`);
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `90s`, `3m`, `1h`, `500ms`; NaN when it is nothing of the kind. */
function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  return Math.round(Number(amount) * (unitsMs[unit ?? ''] ?? Number.NaN));
}

function seedOf(text: string | undefined): number {
  if (text === undefined) return randomInt(1_000_000);
  const seed = Number(text);
  if (/^\d{1,10}$/.test(text) && seed < 2 ** 32) return seed;
  throw new CliFailure(`--seed: ${text} is not a whole number from 0 to ${2 ** 32 - 1}`);
}

function writeReport(flag: string, file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliFailure(
      `${flag}: cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** A line that is written over, for who watches. */
function show(terminal: Terminal, text: string): void {
  if (terminal.isInteractive) terminal.err(`\r\u001b[K${text}`);
}
