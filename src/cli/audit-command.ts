import { join } from 'node:path';
import type { Command } from 'commander';
import { type AuditProgress, auditLog } from '../audit/audit-log.js';
import { dataFiles } from '../engines.js';
import type { EventStore } from '../event-store/port.js';
import { EventLogRefused } from '../event-store/sqlite/log-file.js';
import { openSqliteEventStore } from '../event-store/sqlite/open.js';
import { type Instant, instantSchema } from '../events/ids.js';
import { systemClock } from '../platform/clock.js';
import { readConfig } from '../platform/config.js';
import { describeAudit } from './audit-text.js';
import { CliFailure, type ExitCode, exitCodes } from './exit-codes.js';
import type { Terminal } from './terminal.js';

interface Flags {
  readonly json?: boolean;
  readonly asOf?: string;
}

/** Adds `boxoffice audit verify`. */
export function addAuditCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  program
    .command('audit')
    .summary('judge the event log')
    .description('Judges the event log in DATA_DIR by itself.')
    .command('verify')
    .summary('check every rule at every event')
    .description(
      'Reads the whole log beside a running server or without one and checks every rule of the office at every ' +
        'event: seats, holds, orders, points, turns and the queue.',
    )
    .option('--json', 'print the report as JSON')
    .option(
      '--as-of <moment>',
      'judge deadlines by this moment, or "now" (default: the log’s last event, since nobody ends holds of a stopped server)',
    )
    .action(async (flags: Flags) => {
      const now = momentOf(flags.asOf);
      const store = await openLog(readConfig(terminal.env).DATA_DIR);
      try {
        const report = await auditLog(store, {
          onProgress: progressOn(terminal),
          ...(now === undefined ? {} : { now }),
        });
        terminal.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeAudit(report));
        done(report.clean ? exitCodes.ok : exitCodes.failed);
      } finally {
        await store.close();
      }
    });
}

function momentOf(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  if (text === 'now') return systemClock.now();
  const moment = instantSchema.safeParse(text);
  if (moment.success) return moment.data;
  throw new CliFailure(`--as-of: ${text} is neither "now" nor a UTC time such as 2026-11-22T09:00:00.000Z`);
}

async function openLog(dataDir: string): Promise<EventStore> {
  try {
    return await openSqliteEventStore({ file: join(dataDir, dataFiles.log), readOnly: true });
  } catch (error) {
    if (error instanceof EventLogRefused) throw new CliFailure(error.message);
    throw error;
  }
}

/** A line that counts up, for who watches; scripts only want the result. */
function progressOn(terminal: Terminal): (progress: AuditProgress) => void {
  return ({ events, position, lastPosition }) => {
    if (!terminal.isInteractive) return;
    const isEnd = position >= lastPosition;
    terminal.err(`\r${events} events read${isEnd ? '\n' : ''}`);
  };
}
