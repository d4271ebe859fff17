import type { DefineCommand } from '../command.js';
import { addExportCommand } from './export.js';
import { addOperatorsCommand } from './operators.js';
import { addCheckSealCommand, addSealCommands } from './seal.js';
import { addStreamCommand } from './stream.js';
import { addVerifyCommand } from './verify.js';

/** What `boxoffice audit` and the commands below it do and take. */
export const defineAuditCommand: DefineCommand = (command, terminal, done) => {
  command.description('Checks, seals, explains and exports the event log at EVENTSTORE_URL, or in DATA_DIR.');
  addVerifyCommand(command, terminal, done);
  addStreamCommand(command, terminal, done);
  addOperatorsCommand(command, terminal, done);
  addSealCommands(command, terminal, done);
  addCheckSealCommand(command, terminal, done);
  addExportCommand(command, terminal, done);
};
