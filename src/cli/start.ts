import { type RunningBoxoffice, startBoxoffice } from '../boxoffice.js';
import { BadConfiguration, type Config, readConfig } from '../platform/config.js';
import { secretFile } from '../platform/secrets.js';
import { TablesOfAnotherLog } from '../projections/engine/made-from.js';
import { type ExitCode, exitCodes } from './exit-codes.js';
import { processTerminal, type Terminal } from './terminal.js';

/** How long an orderly shutdown may take before the process ends anyway. */
const shutdownTimeoutMs = 20_000;

/**
 * Runs the server until SIGINT or SIGTERM, then lets accepted requests finish; a second signal ends the process
 * at once. Log lines go to standard output, the banner and refusals to standard error.
 * @returns the exit code.
 */
export async function runServer(
  env: Terminal['env'],
  terminal: Pick<Terminal, 'err'> = processTerminal,
): Promise<ExitCode> {
  const stop = stopSignal();
  try {
    return await serveUntil(stop.received, env, terminal);
  } finally {
    stop.ignore();
  }
}

async function serveUntil(
  stopped: Promise<void>,
  env: Terminal['env'],
  terminal: Pick<Terminal, 'err'>,
): Promise<ExitCode> {
  let config: Config;
  let server: RunningBoxoffice;
  try {
    config = readConfig(env);
    server = await startBoxoffice(config);
  } catch (error) {
    if (error instanceof BadConfiguration) {
      terminal.err(`${error.message}\n`);
      return exitCodes.unusable;
    }
    const reason = error instanceof Error ? error.message : String(error);
    const isTaken = reason.includes('EADDRINUSE');
    const remedy = isTaken ? '; stop the process that listens there, or set PORT to another port' : '';
    terminal.err(`boxoffice cannot start: ${reason}${remedy}\n`);
    return error instanceof TablesOfAnotherLog ? exitCodes.mismatched : exitCodes.failed;
  }
  terminal.err(banner(config, server));
  await stopped;
  terminal.err('finishing accepted requests; press Ctrl-C again to stop at once\n');
  const deadline = setTimeout(() => {
    terminal.err('the shutdown takes too long: stopping at once\n');
    process.exit(exitCodes.failed);
  }, shutdownTimeoutMs);
  await server.close();
  clearTimeout(deadline);
  return exitCodes.ok;
}

/** `received` resolves at the first SIGINT or SIGTERM; the second one ends the process. */
function stopSignal(): { readonly received: Promise<void>; ignore(): void } {
  let signals = 0;
  let onSignal: () => void = () => undefined;
  const received = new Promise<void>((resolve) => {
    onSignal = () => {
      signals++;
      if (signals > 1) process.exit(exitCodes.interrupted);
      resolve();
    };
  });
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { received, ignore: () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal) };
}

function banner(config: Config, { url, paymentUrl, isNew }: RunningBoxoffice): string {
  const key =
    config.ADMIN_KEY === undefined ? secretFile(config.DATA_DIR, 'admin-key') : 'as given in ADMIN_KEY';
  return [
    '',
    `  boxoffice is open at ${url}`,
    '',
    `  API reference   ${url}/docs`,
    `  payment system  ${paymentUrl}`,
    `  operators' key  ${key}`,
    `  data            ${config.DATA_DIR}${isNew ? ' (new, with the sample catalog)' : ''}`,
    '',
    `  try  curl '${url}/v1/performances'`,
    '       npm run demo   (in a second terminal: a crowd buys tickets)',
    '',
    '',
  ].join('\n');
}
