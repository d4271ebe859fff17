import { Command, CommanderError } from 'commander';
import { StoreUnavailable } from '../event-store/port.js';
import { BadConfiguration } from '../platform/config.js';
import { NodeRefused, nodeProblem } from '../platform/node-version.js';
import { CliFailure, type DefineCommand, type ExitCode, exitCodes } from './command.js';
import { processTerminal, type Terminal } from './terminal.js';
import { productVersion } from './version.js';

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Code is loaded for the command that is asked for only: a server's parts take a second or two to load. */
  readonly load: () => Promise<DefineCommand>;
}

const commands: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'run the server',
    load: async () => (await import('./start.js')).defineStartCommand,
  },
  {
    name: 'import',
    summary: 'publish an organiser’s catalog',
    load: async () => (await import('./import.js')).defineImportCommand,
  },
  {
    name: 'audit',
    summary: 'judge the event log',
    load: async () => (await import('./audit/audit.js')).defineAuditCommand,
  },
  {
    name: 'erase-user',
    summary: 'erase a person for good',
    load: async () => (await import('./erase-user.js')).defineEraseUserCommand,
  },
  {
    name: 'migrate',
    summary: 'bring the tables of the read models to this version',
    load: async () => (await import('./migrate.js')).defineMigrateCommand,
  },
  {
    name: 'rebuild',
    summary: 'build read models anew while the office runs',
    load: async () => (await import('./rebuild.js')).defineRebuildCommand,
  },
  {
    name: 'eventstoredb',
    summary: 'prepare a secured EventStoreDB: its user and that user’s right to read',
    load: async () => (await import('./eventstoredb.js')).defineEventStoreDbCommand,
  },
  {
    name: 'payment-system',
    summary: 'run the virtual payment system by itself',
    load: async () => (await import('./payment-system.js')).definePaymentSystemCommand,
  },
  {
    name: 'queue-check',
    summary: 'recompute a queue and check that it was served in that order',
    load: async () => (await import('./queue-check.js')).defineQueueCheckCommand,
  },
  {
    name: 'replay',
    summary: 'play a recorded on-sale against other settings',
    load: async () => (await import('./replay.js')).defineReplayCommand,
  },
  {
    name: 'demo',
    summary: 'let a crowd buy tickets and check that no seat is sold twice',
    load: async () => (await import('./demo/demo.js')).defineDemoCommand,
  },
  {
    name: 'simulate',
    summary: 'run the office under invented time, crashes and losses',
    load: async () => (await import('./simulate.js')).defineSimulateCommand,
  },
];

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
    // Before anything else is loaded: on another Node, loading alone may end the process without a message.
    const problem = nodeProblem(process.versions.node);
    if (problem !== undefined) throw new NodeRefused(problem);
    const program = await createProgram(args, terminal, done);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.unusable;
    if (error instanceof CliFailure) {
      terminal.err(`${error.message}\n`);
      return error.exitCode;
    }
    if (error instanceof BadConfiguration || error instanceof NodeRefused) {
      terminal.err(`${error.message}\n`);
      return exitCodes.unusable;
    }
    if (error instanceof StoreUnavailable) {
      terminal.err(`${error.message}\n`);
      return exitCodes.failed;
    }
    terminal.err(`this should not have happened: ${error instanceof Error ? error.stack : String(error)}\n`);
    return exitCodes.failed;
  }
}

async function createProgram(
  args: readonly string[],
  terminal: Terminal,
  done: (code: ExitCode) => void,
): Promise<Command> {
  const program = new Command('boxoffice')
    .description('A concert ticket office: a fair queue, seat holds, a point wallet, and no seat sold twice.')
    .version(productVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(boxoffice --help shows what there is)')
    .addHelpText('after', '\nEvery setting is an environment variable: see docs/configuration.md.');
  for (const { name, summary, load } of commands) {
    const command = program.command(name).summary(summary);
    // Also when it is another command's argument: that costs time, nothing else.
    if (args.includes(name)) (await load())(command, terminal, done);
  }
  return program;
}
