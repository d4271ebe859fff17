#!/usr/bin/env node
// The office as it runs on several machines, on this one and without Docker: EventStoreDB, MariaDB or MySQL, Redis, the
// payment system, a projector, a worker and two api processes behind one port. See docs/operations.md.
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { masked, say } from './stack/members.mjs';
import { MissingEngine } from './stack/programs.mjs';
import { Supervisor } from './stack/supervisor.mjs';

const usage = `npm run stack -- [options]

Runs the office in several processes on the production engines, until Ctrl-C.

  --port <number>     where the office answers on this machine (default 3000)
  --folder <path>     its data, kept between runs (default data/stack)
  --fresh             forget the data of earlier runs first
  --database <name>   mariadb or mysql, where both are installed (default mariadb; data of an earlier run stays with
                      the server that made it)
  --protocol-server   no EventStoreDB at hand: use the tests' stand-in, which speaks its protocol and is no
                      database. For trials only
  --help              this text

EventStoreDB (23.10 or later; EVENTSTORED may name the program), MariaDB (or MySQL) and Redis (or Valkey) are
started from PATH. EVENTSTORE_URL, DATABASE_URL and REDIS_URL name
running ones instead. Other settings of docs/configuration.md are passed on; LOG_LEVEL is "warn" unless set.

Exit codes: 0 stopped by Ctrl-C, 1 something failed, 2 wrong options or a missing engine, 130 stopped at once by a
second Ctrl-C.
`;
const exitCodes = { ok: 0, failed: 1, unusable: 2, interrupted: 130 };
const root = fileURLToPath(new URL('..', import.meta.url));

process.exitCode = await main();

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    return exitCodes.unusable;
  }
  if (options.help) {
    console.log(usage);
    return exitCodes.ok;
  }
  if (!existsSync(join(root, 'dist', 'boxoffice.js'))) {
    console.error('boxoffice is not built yet: run `npm run build` first');
    return exitCodes.unusable;
  }
  return runStack(options);
}

async function runStack(options) {
  const supervisor = new Supervisor();
  const stop = stopSignal();
  let proxy;
  try {
    // Loaded here, because it needs the build.
    const { startWholeOffice } = await import('./stack/whole-office.mjs');
    const starting = startWholeOffice(options, supervisor);
    // Stopped meanwhile, it fails where it is, and nobody asks.
    starting.catch(() => undefined);
    const started = await Promise.race([starting, supervisor.failed, stop]);
    if (started === undefined) return exitCodes.ok;
    proxy = started.proxy;
    announce(options, started.env);
    await Promise.race([supervisor.failed, stop]);
    return exitCodes.ok;
  } catch (error) {
    console.error(error.message);
    return error instanceof MissingEngine ? exitCodes.unusable : exitCodes.failed;
  } finally {
    proxy?.close();
    await supervisor.stop();
  }
}

/** Resolves at the first SIGINT or SIGTERM; the second ends this process, and the others with it. */
function stopSignal() {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      if (++signals > 1) process.exit(exitCodes.interrupted);
      say('stack', 'stopping; press Ctrl-C again to leave at once');
      resolve();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '3000' },
      folder: { type: 'string', default: join(root, 'data', 'stack') },
      fresh: { type: 'boolean', default: false },
      database: { type: 'string' },
      'protocol-server': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`--port: ${values.port} is no port`);
  const { fresh, help, folder, database } = values;
  if (database !== undefined && !['mariadb', 'mysql'].includes(database))
    throw new Error(`--database: ${database} is neither mariadb nor mysql`);
  return {
    port,
    fresh,
    help,
    database,
    folder: resolve(folder),
    useProtocolServer: values['protocol-server'],
  };
}

function announce({ port, folder, useProtocolServer }, env) {
  const dataDir = relative(process.cwd(), folder) || '.';
  const lines = [
    '',
    `  the office is open at http://127.0.0.1:${port}   (two api processes in turn)`,
    '',
    `  event store     ${masked(env.EVENTSTORE_URL)}${useProtocolServer ? '   A STAND-IN, no database: for trials only' : ''}`,
    `  read models     ${masked(env.DATABASE_URL)}`,
    `  redis           ${masked(env.REDIS_URL)}`,
    `  payment system  ${env.PAYMENT_URL}`,
    `  data and keys   ${dataDir}`,
    '',
    `  try  PORT=${port} DATA_DIR=${dataDir} npm run demo   (in a second terminal)`,
    '',
  ];
  console.log(lines.join('\n'));
}
