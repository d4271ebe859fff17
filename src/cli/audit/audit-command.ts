import type { Command } from 'commander';
import type { ExitCode } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';
import { addCheckSealCommand } from './check-seal-command.js';
import { addExportCommand } from './export-command.js';
import { addSealCommands } from './seal-command.js';
import { addStreamCommand } from './stream-command.js';
import { addVerifyCommand } from './verify-command.js';

/** What `boxoffice audit` and the commands below it do and take. */
export function defineAuditCommand(
  command: Command,
  terminal: Terminal,
  done: (code: ExitCode) => void,
): void {
  command.description('Judges the event log by itself: the one at EVENTSTORE_URL, or the file in DATA_DIR.');
  addVerifyCommand(command, terminal, done);
  addStreamCommand(command, terminal, done);
  addSealCommands(command, terminal, done);
  addCheckSealCommand(command, terminal, done);
  addExportCommand(command, terminal, done);
}
