import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';
import { addCheckSealCommand } from './check-seal-command.js';
import { addExportCommand } from './export-command.js';
import { addSealCommands } from './seal-command.js';
import { addStreamCommand } from './stream-command.js';
import { addVerifyCommand } from './verify-command.js';

/** Adds `boxoffice audit` and all below it. */
export function addAuditCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const audit = program
    .command('audit')
    .summary('judge the event log')
    .description('Judges the event log by itself: the one at EVENTSTORE_URL, or the file in DATA_DIR.');
  addVerifyCommand(audit, terminal, done);
  addStreamCommand(audit, terminal, done);
  addSealCommands(audit, terminal, done);
  addCheckSealCommand(audit, terminal, done);
  addExportCommand(audit, terminal, done);
}
