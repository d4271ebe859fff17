import type { Command } from 'commander';
import { type AuditProgress, auditLog } from '../../analysis/audit/auditor.js';
import { type Instant, instantSchema } from '../../events/ids.js';
import { systemClock } from '../../platform/clock.js';
import { type Config, readConfig } from '../../platform/config.js';
import { CliFailure, type ExitCode, exitCodes } from '../exit-codes.js';
import { openLog } from '../open-log.js';
import { stopOnSignal } from '../stop-on-signal.js';
import type { Terminal } from '../terminal.js';
import { verifyPayments } from './verify-payments.js';
import { verifyReadModels } from './verify-read-models.js';
import { describeVerification, type Verification } from './verify-text.js';

interface Flags {
  readonly json?: boolean;
  readonly asOf?: string;
  readonly logOnly?: boolean;
  readonly skipReadModels?: boolean;
  readonly skipPayments?: boolean;
}

const notAsked = { skipped: 'not asked for' };

/** Adds `audit verify`. */
export function addVerifyCommand(audit: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  audit
    .command('verify')
    .summary('check every rule at every event, the read models and the payments')
    .description(
      'Reads the whole log beside a running server or without one and checks every rule of the office at every ' +
        'event: seats, holds, orders, points, turns and the queue. Then compares every row of the read models with ' +
        'what the log makes of it, and the payment system’s ledger with the charges of the log.',
    )
    .option('--json', 'print the report as JSON')
    .option(
      '--as-of <moment>',
      'judge deadlines by this moment, or "now" (default: the log’s last event, since nobody ends holds of a stopped server)',
    )
    .option('--log-only', 'judge the log from itself alone')
    .option('--skip-read-models', 'leave out the read models')
    .option('--skip-payments', 'leave out the payments')
    .action(async (flags: Flags) => {
      const now = momentOf(flags.asOf);
      const stop = stopOnSignal();
      try {
        const verification = await verify(flags, now, terminal, stop.signal);
        terminal.out(
          flags.json ? `${JSON.stringify(verification, null, 2)}\n` : describeVerification(verification),
        );
        done(verification.clean ? exitCodes.ok : exitCodes.failed);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        done(exitCodes.interrupted);
      } finally {
        stop.ignore();
      }
    });
}

async function verify(
  { logOnly, skipReadModels, skipPayments }: Flags,
  now: Instant | undefined,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Verification> {
  const config: Config = readConfig(terminal.env);
  const store = await openLog(config, terminal);
  try {
    const report = await auditLog(store, {
      onProgress: progressOn(terminal),
      signal,
      ...(now === undefined ? {} : { now }),
    });
    const payments =
      logOnly || skipPayments ? notAsked : await verifyPayments(config, store, report.judgedAt);
    const readModels =
      logOnly || skipReadModels ? notAsked : await verifyReadModels(config, terminal, signal);
    const parts = [report, payments, readModels];
    return {
      ...report,
      clean: parts.every((part) => !('clean' in part) || part.clean),
      payments,
      readModels,
    };
  } finally {
    await store.close();
  }
}

function momentOf(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  if (text === 'now') return systemClock.now();
  const moment = instantSchema.safeParse(text);
  if (moment.success) return moment.data;
  throw new CliFailure(`--as-of: ${text} is neither "now" nor a UTC time such as 2026-11-22T09:00:00.000Z`);
}

/** A line that counts up, for who watches; scripts only want the result. */
function progressOn(terminal: Terminal): (progress: AuditProgress) => void {
  return ({ events, position, lastPosition }) => {
    if (!terminal.isInteractive) return;
    const isEnd = position >= lastPosition;
    terminal.err(`\r${events} events read${isEnd ? '\n' : ''}`);
  };
}
