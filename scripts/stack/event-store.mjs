import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterMembers, targetOf } from '../../dist/event-store/eventstoredb/connection.js';
import { eventStoredCommand, findEventStored } from './eventstored.mjs';
import { ready, startTimeoutMs } from './members.mjs';
import { freePort } from './ports.mjs';
import { MissingEngine } from './programs.mjs';

/** Takes EventStoreDB's command line and speaks its protocol. */
const protocolServer = fileURLToPath(new URL('../../test/eventstoredb-server/eventstored', import.meta.url));

/**
 * EventStoreDB: the one of EVENTSTORE_URL; the program EVENTSTORED names, or `eventstored` of PATH; or, if asked for,
 * the protocol server.
 * @param start starts a member of the stack: (name, command) => Member.
 * @returns its connection string.
 * @throws {MissingEngine} when there is none.
 */
export async function startEventStore({ folder, env, useProtocolServer, start }) {
  if (env.EVENTSTORE_URL) return env.EVENTSTORE_URL;
  const program = useProtocolServer ? findProtocolServer() : findEventStored(env);
  if (program === undefined) {
    throw new MissingEngine(
      'EventStoreDB is missing: put `eventstored` 23.10 or later on PATH or name it in EVENTSTORED, set ' +
        'EVENTSTORE_URL to a running one, or add --protocol-server to try things out on a stand-in that is no database.',
    );
  }
  const [port, replicationPort] = [await freePort(), await freePort()];
  const name = useProtocolServer ? 'protocol-server' : 'eventstoredb';
  const node = { folder: join(folder, name), port, replicationPort };
  const member = start(name, eventStoredCommand(program, node));
  const url = `esdb://127.0.0.1:${port}?tls=false`;
  await ready(name, () => leads(url), startTimeoutMs, member);
  return url;
}

function findProtocolServer() {
  if (!existsSync(protocolServer))
    throw new MissingEngine('--protocol-server needs the folder of the tests.');
  return protocolServer;
}

async function leads(url) {
  const target = targetOf(url);
  const members = await clusterMembers(target, target.hosts[0]);
  if (!members.some(({ role }) => role === 'leader')) throw new Error('it is still starting');
}
