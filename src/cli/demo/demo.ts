import { randomInt } from 'node:crypto';
import { types } from 'node:util';
import { readConfig } from '../../platform/config.js';
import { announcedServer } from '../../platform/server-file.js';
import { CliFailure, type DefineCommand, type ExitCode, exitCodes, toWholeNumber } from '../command.js';
import {
  addKeyOptions,
  defaultServerUrl,
  findAdminKey,
  isServerAt,
  type KeyFlags,
  parseServerUrl,
} from '../running-server.js';
import { stopOnSignal, type Terminal } from '../terminal.js';
import type { DemoServer } from './own-server.js';
import { playDemo } from './play.js';
import { describeSummary } from './summary.js';

interface Flags extends KeyFlags {
  readonly server?: string;
  readonly performance?: string;
  readonly fans: string;
  readonly seed?: string;
  readonly json?: boolean;
}

/** What `boxoffice demo` does and takes. */
export const defineDemoCommand: DefineCommand = (command, terminal, done) => {
  command
    .description(
      'Plays a small on-sale through the public HTTP API: fans register, charge points, queue, compete for the same ' +
        'seats, pay, cancel. Uses the server at the configured address; if none answers, a server is started on a ' +
        'temporary folder for the duration of the demo.',
    )
    .option('--server <url>', 'the server to play on')
    .option(
      '--performance <id>',
      'the performance (default: the one with most free seats in the smallest venue)',
    )
    .option('--fans <number>', 'number of fans', '200')
    .option('--seed <number>', 'the same seed makes the same choices (default: a random one)')
    .option('--json', 'print the summary as JSON');
  addKeyOptions(command, ' for the audit').action(async (flags: Flags) =>
    done(await runDemo(flags, terminal)),
  );
};

async function runDemo(flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const fans = toWholeNumber('--fans', flags.fans, 1, 5_000);
  const seed =
    flags.seed === undefined ? randomInt(1_000_000) : toWholeNumber('--seed', flags.seed, 0, 2 ** 32 - 1);
  const stop = stopOnSignal();
  const server = await findDemoServer(flags, terminal);
  try {
    const options = { fans, seed, performanceId: flags.performance };
    const summary = await playDemo(server, options, terminal, stop.signal);
    terminal.out(flags.json ? `${JSON.stringify(summary, null, 2)}\n` : describeSummary(summary));
    if (summary.isInterrupted) return exitCodes.interrupted;
    return summary.clean ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.interrupted;
    if (error instanceof CliFailure || !types.isNativeError(error)) throw error;
    throw new CliFailure(`the demo cannot continue: ${error.message}`, exitCodes.failed);
  } finally {
    await server.close();
    stop.ignore();
  }
}

/** The server to play on: the one named, the one that runs on DATA_DIR, one at the configured address, or an own one. */
export async function findDemoServer(
  flags: Pick<Flags, 'server' | 'adminKey' | 'adminKeyFile'>,
  terminal: Terminal,
): Promise<DemoServer> {
  const config = readConfig(terminal.env);
  const named = flags.server === undefined ? announcedServer(config.DATA_DIR) : parseServerUrl(flags.server);
  const url = named ?? defaultServerUrl(config);
  if (await isServerAt(url)) {
    terminal.err(`playing on the server at ${url}\n`);
    // Any user of this machine can listen at an address that is only the default.
    const adminKey = named === undefined ? undefined : findAdminKey(flags, config, terminal);
    return { url, adminKey, close: async () => undefined };
  }
  if (flags.server !== undefined)
    throw new CliFailure(`no boxoffice server answers at ${url}`, exitCodes.failed);
  terminal.err(`no server answers at ${url}: starting one on a temporary folder\n`);
  const { startOwnServer } = await import('./own-server.js');
  return startOwnServer();
}
