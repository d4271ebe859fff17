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
  /** Loads the command's code, only when it is asked for: the server's code takes a second or two to load. */
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
    summary: 'check, seal, explain and export the event log',
    load: async () => (await import('./audit/audit.js')).defineAuditCommand,
  },
  {
    name: 'erase-user',
    summary: 'erase a person’s names and login id',
    load: async () => (await import('./erase-user.js')).defineEraseUserCommand,
  },
  {
    name: 'operators',
    summary: 'issue, list and revoke operators’ keys',
    load: async () => (await import('./operators.js')).defineOperatorsCommand,
  },
  {
    name: 'rewrap-keys',
    summary: 'encrypt the keys of personal data with a new secret',
    load: async () => (await import('./rewrap-keys.js')).defineRewrapKeysCommand,
  },
  {
    name: 'migrate',
    summary: 'migrate the tables of the read models to this version',
    load: async () => (await import('./migrate.js')).defineMigrateCommand,
  },
  {
    name: 'rebuild',
    summary: 'rebuild read models while the office runs',
    load: async () => (await import('./rebuild.js')).defineRebuildCommand,
  },
  {
    name: 'eventstoredb',
    summary: 'create the office’s user in a secured EventStoreDB',
    load: async () => (await import('./eventstoredb.js')).defineEventStoreDbCommand,
  },
  {
    name: 'payment-system',
    summary: 'run the virtual payment system',
    load: async () => (await import('./payment-system.js')).definePaymentSystemCommand,
  },
  {
    name: 'queue-check',
    summary: 'recompute a queue and check that it was served in that order',
    load: async () => (await import('./queue-check.js')).defineQueueCheckCommand,
  },
  {
    name: 'replay',
    summary: 'simulate a recorded on-sale with other settings',
    load: async () => (await import('./replay.js')).defineReplayCommand,
  },
  {
    name: 'demo',
    summary: 'let a crowd buy tickets and check that no seat is sold twice',
    load: async () => (await import('./demo/demo.js')).defineDemoCommand,
  },
  {
    name: 'simulate',
    summary: 'run the office in simulated time, with crashes and other faults',
    load: async () => (await import('./simulate.js')).defineSimulateCommand,
  },
];

/**
 * Runs one command of the `boxoffice` program.
 * @param args the arguments after the program's name.
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
    // Before anything else is loaded: on an unsupported Node, loading may end the process without a message.
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
    terminal.err(`unexpected error: ${error instanceof Error ? error.stack : String(error)}\n`);
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
    .showHelpAfterError('(run boxoffice --help for all commands)')
    .addHelpText('after', '\nEvery setting is an environment variable: see docs/configuration.md.');
  for (const { name, summary, load } of commands) {
    const command = program.command(name).summary(summary);
    // The name may also be an argument of another command: that only costs time.
    if (args.includes(name)) (await load())(command, terminal, done);
  }
  return program;
}
