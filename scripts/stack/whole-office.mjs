import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../dist/platform/config.js';
import { resolveSecrets } from '../../dist/platform/secrets.js';
import { startDatabase } from './database.mjs';
import { startEventStore } from './event-store.mjs';
import { freePort } from './ports.mjs';
import { startRedis } from './redis.mjs';
import { startRoundRobin } from './round-robin.mjs';

const program = fileURLToPath(new URL('../../bin/boxoffice.mjs', import.meta.url));

/**
 * Starts the engines, the payment system, a projector, a worker and two api processes behind one port.
 * @param options `port` the office answers on, `folder` of its data, `fresh` to empty that first, `useProtocolServer`
 *   instead of an EventStoreDB, and which `database` server to start.
 * @param supervisor what all of it is started by.
 * @returns what the processes were told, and the proxy to close.
 * @throws {MissingEngine} when one is not installed; an Error when something does not become ready.
 */
export async function startWholeOffice(options, supervisor) {
  const { port, folder, fresh, useProtocolServer, database } = options;
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { SECRET, ADMIN_KEY } = process.env;
  const secrets = resolveSecrets(readConfig({ DATA_DIR: folder, SECRET, ADMIN_KEY }));
  const engines = await startEngines(
    { folder, useProtocolServer, database, secret: secrets.secret },
    supervisor,
  );
  const paymentPort = await freePort();
  const env = {
    // All clients come from this machine, through one port.
    MAX_CONNECTIONS_PER_ADDRESS: '0',
    MAX_LIVE_STREAMS_PER_ADDRESS: '0',
    RATE_LIMIT_READS_PER_MINUTE: '0',
    ...process.env,
    ...engines,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
    DATA_DIR: folder,
    HOST: '127.0.0.1',
    PAYMENT_URL: `http://127.0.0.1:${paymentPort}`,
    PAYMENT_API_KEY: secrets.paymentApiKey,
    PAYMENT_CALLBACK_SECRET: secrets.paymentCallbackSecret,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    SECRET: secrets.secret,
    ADMIN_KEY: secrets.adminKey,
  };
  const payments = [process.execPath, program, 'payment-system', '--port', String(paymentPort)];
  await supervisor.startOffice('payments', payments, env, `${env.PAYMENT_URL}/health`);
  const startRole = async (name, role) => {
    const own = { ...env, ROLE: role, PORT: String(await freePort()) };
    const health = `http://127.0.0.1:${own.PORT}/health/ready`;
    await supervisor.startOffice(name, [process.execPath, program, 'start'], own, health);
    return Number(own.PORT);
  };
  // It makes the tables and imports the sample catalog.
  await startRole('projector', 'projector');
  const [, ...apiPorts] = await Promise.all([
    startRole('worker', 'worker'),
    startRole('api-1', 'api'),
    startRole('api-2', 'api'),
  ]);
  return { env, proxy: await startRoundRobin(port, apiPorts) };
}

async function startEngines({ folder, useProtocolServer, database, secret }, supervisor) {
  const { env } = process;
  const start = (name, command) => supervisor.startEngine(name, command);
  const logName = env.EVENTSTORE_URL ?? (useProtocolServer ? 'protocol-server' : 'eventstored');
  return {
    EVENTSTORE_URL: await startEventStore({ folder, env, useProtocolServer, start }),
    DATABASE_URL: await startDatabase({ folder, env, database, logName, secret, start }),
    REDIS_URL: await startRedis({ folder, env, start }),
  };
}
