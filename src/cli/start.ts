import { once } from 'node:events';
import { type RunningBoxoffice, startBoxoffice } from '../app/boxoffice.js';
import { BadConfiguration, type Config, readConfig } from '../platform/config.js';
import { secretFile } from '../platform/secrets.js';
import { TablesOfAnotherLog } from '../projections/engine/made-from.js';
import { type DefineCommand, type ExitCode, exitCodes } from './command.js';
import { processTerminal, stopOnSignal, type Terminal } from './terminal.js';

/** What `boxoffice start` does and takes. */
export const defineStartCommand: DefineCommand = (command, terminal, done) => {
  command
    .description('Runs the server until SIGINT or SIGTERM. Settings come from environment variables.')
    .action(async () => done(await runServer(terminal.env, terminal)));
};

/** How long an orderly shutdown may take before the process ends anyway. */
const shutdownTimeoutMs = 20_000;

/**
 * Runs the server until SIGINT or SIGTERM, then lets accepted requests finish; a second signal ends the process
 * at once. It also ends when it has lost a part that it cannot work without, so that its supervisor starts it again. Log lines go to standard output, the banner and error messages to standard error.
 * @returns the exit code.
 */
export async function runServer(
  env: Terminal['env'],
  terminal: Pick<Terminal, 'err'> = processTerminal,
): Promise<ExitCode> {
  const stop = stopOnSignal();
  try {
    return await serveUntil(stop.signal, env, terminal);
  } finally {
    stop.ignore();
  }
}

async function serveUntil(
  stopped: AbortSignal,
  env: Terminal['env'],
  terminal: Pick<Terminal, 'err'>,
): Promise<ExitCode> {
  let config: Config;
  let server: RunningBoxoffice;
  try {
    config = readConfig(env);
    server = await startBoxoffice(config, { signal: stopped });
  } catch (error) {
    if (error instanceof BadConfiguration) {
      terminal.err(`${error.message}\n`);
      return exitCodes.unusable;
    }
    if (stopped.aborted) {
      terminal.err('stopped before the office was open\n');
      return exitCodes.interrupted;
    }
    const reason = error instanceof Error ? error.message : String(error);
    const isTaken = reason.includes('EADDRINUSE');
    const remedy = isTaken ? '; stop the process that listens there, or set PORT to another port' : '';
    terminal.err(`boxoffice cannot start: ${reason}${remedy}\n`);
    return error instanceof TablesOfAnotherLog ? exitCodes.mismatched : exitCodes.failed;
  }
  terminal.err(banner(config, server));
  const reason = stopped.aborted ? undefined : await Promise.race([endOf(stopped), server.broken]);
  terminal.err(
    reason === undefined
      ? 'finishing accepted requests; press Ctrl-C again to stop at once\n'
      : `boxoffice stops, because it has lost a part that it cannot work without: ${reason}. Start it again: what was acknowledged is kept\n`,
  );
  const deadline = setTimeout(() => {
    terminal.err('the shutdown takes too long: stopping now\n');
    process.exit(exitCodes.failed);
  }, shutdownTimeoutMs);
  await server.close();
  clearTimeout(deadline);
  return reason === undefined ? exitCodes.ok : exitCodes.failed;
}

async function endOf(stopped: AbortSignal): Promise<undefined> {
  await once(stopped, 'abort');
}

/** Where to find the key of the environment. */
function environmentKeyOf({ ADMIN_KEY, ROLE, DATA_DIR }: Config): string {
  if (ADMIN_KEY !== undefined) return 'as given in ADMIN_KEY';
  return ROLE === 'all' ? secretFile(DATA_DIR, 'admin-key') : 'none';
}

function banner(
  config: Config,
  { url, paymentUrl, isNew, missingRedis, isEnvironmentKeyOpen }: RunningBoxoffice,
): string {
  const key = isEnvironmentKeyOpen
    ? `${environmentKeyOf(config)} (until an owner's key is issued: npx boxoffice operators issue <name> --role owner)`
    : 'each operator’s own (npx boxoffice operators list); the key of the environment opens nothing';
  return [
    '',
    `  boxoffice is open at ${url}`,
    '',
    `  API reference   ${url}/docs`,
    `  payment system  ${paymentUrl}`,
    `  operators' key  ${key}`,
    `  data            ${config.DATA_DIR}${isNew ? ' (new, with the sample catalog)' : ''}`,
    ...(missingRedis === undefined
      ? []
      : [
          `  Redis           ${missingRedis} does not answer: until it does, this process works without it (REDIS_URL)`,
        ]),
    '',
    `  try  curl '${url}/v1/performances'`,
    '       npm run demo   (in a second terminal: a crowd buys tickets)',
    '',
    '',
  ].join('\n');
}
