import { Command, CommanderError } from 'commander';
import { BadConfiguration } from '../platform/config.js';
import { addAuditCommand } from './audit/audit-command.js';
import { addDemoCommand } from './demo-command.js';
import { addEraseUserCommand } from './erase-user-command.js';
import { CliFailure, type ExitCode, exitCodes } from './exit-codes.js';
import { addImportCommand } from './import-command.js';
import { addMigrateCommand } from './migrate-command.js';
import { addPaymentSystemCommand } from './payment-system-command.js';
import { addQueueCheckCommand } from './queue-check-command.js';
import { addRebuildCommand } from './rebuild-command.js';
import { addReplayCommand } from './replay-command.js';
import { addSimulateCommand } from './simulate-command.js';
import { runServer } from './start.js';
import { processTerminal, type Terminal } from './terminal.js';
import { productVersion } from './version.js';

/**
 * Runs one command of the `boxoffice` program.
 * @param args the words after the program's name.
 * @returns the exit code; see docs/cli.md.
 */
export async function runCli(
  args: readonly string[],
  terminal: Terminal = processTerminal,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const done = (code: ExitCode) => {
    exitCode = code;
  };
  try {
    await createProgram(terminal, done).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.unusable;
    if (error instanceof CliFailure) {
      terminal.err(`${error.message}\n`);
      return error.exitCode;
    }
    if (error instanceof BadConfiguration) {
      terminal.err(`${error.message}\n`);
      return exitCodes.unusable;
    }
    terminal.err(`this should not have happened: ${error instanceof Error ? error.stack : String(error)}\n`);
    return exitCodes.failed;
  }
}

function createProgram(terminal: Terminal, done: (code: ExitCode) => void): Command {
  const program = new Command('boxoffice')
    .description('A concert ticket office: a fair queue, seat holds, a point wallet, and no seat sold twice.')
    .version(productVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(boxoffice --help shows what there is)')
    .addHelpText('after', '\nEvery setting is an environment variable: see docs/configuration.md.');
  program
    .command('start')
    .summary('run the server')
    .description('Runs the server until SIGINT or SIGTERM. Settings come from environment variables.')
    .action(async () => done(await runServer(terminal.env, terminal)));
  addImportCommand(program, terminal, done);
  addAuditCommand(program, terminal, done);
  addEraseUserCommand(program, terminal, done);
  addMigrateCommand(program, terminal, done);
  addRebuildCommand(program, terminal, done);
  addPaymentSystemCommand(program, terminal, done);
  addQueueCheckCommand(program, terminal, done);
  addReplayCommand(program, terminal, done);
  addDemoCommand(program, terminal, done);
  addSimulateCommand(program, terminal, done);
  return program;
}
