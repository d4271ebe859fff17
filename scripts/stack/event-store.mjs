import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { answers, ready, startTimeoutMs } from './members.mjs';
import { connects, freePort } from './ports.mjs';
import { findProgram, MissingEngine } from './programs.mjs';

/** What docs/eventstoredb.md asks for: one append may hold a seating plan. */
const maxAppendBytes = 8_388_608;
const protocolServer = fileURLToPath(new URL('../../test/eventstoredb-server/', import.meta.url));

/**
 * EventStoreDB: the one of EVENTSTORE_URL, `eventstored` of PATH, or, if asked for, the protocol server.
 * @param start starts a member of the stack: (name, command) => Member.
 * @returns its connection string.
 * @throws {MissingEngine} when there is none.
 */
export async function startEventStore({ folder, env, useProtocolServer, start }) {
  if (env.EVENTSTORE_URL) return env.EVENTSTORE_URL;
  if (useProtocolServer) return startProtocolServer(folder, start);
  const program = findProgram(['eventstored']);
  if (program === undefined) {
    throw new MissingEngine(
      'EventStoreDB is missing: put `eventstored` 22.10 or later on PATH, set EVENTSTORE_URL to a running one, ' +
        'or add --protocol-server to try things out on a stand-in that is no database.',
    );
  }
  const [port, replicationPort] = [await freePort(), await freePort()];
  const settings = {
    db: join(folder, 'eventstoredb', 'db'),
    log: join(folder, 'eventstoredb', 'log'),
    'node-ip': '127.0.0.1',
    'node-port': port,
    'replication-ip': '127.0.0.1',
    'replication-port': replicationPort,
    'max-append-size': maxAppendBytes,
    'run-projections': 'None',
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const member = start('eventstoredb', [program, '--insecure', ...flags]);
  await ready('EventStoreDB', () => answers(`http://127.0.0.1:${port}/health/live`), startTimeoutMs, member);
  return `esdb://127.0.0.1:${port}?tls=false`;
}

async function startProtocolServer(folder, start) {
  if (!existsSync(protocolServer))
    throw new MissingEngine('--protocol-server needs the folder of the tests.');
  const port = await freePort();
  const options = { port, file: join(folder, 'protocol-server.log'), maxAppendSize: maxAppendBytes };
  const loader = pathToFileURL(join(protocolServer, 'run-typescript.mjs')).href;
  const file = join(protocolServer, 'server-process.ts');
  const member = start('event-store', [process.execPath, '--import', loader, file, JSON.stringify(options)]);
  await ready('the protocol server', () => connects(port), startTimeoutMs, member);
  return `esdb://127.0.0.1:${port}?tls=false`;
}
