// How an EventStoreDB on this machine is started: by `npm run stack`, the test suites, the kill harness and the bench.
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { findProgram, MissingEngine } from './programs.mjs';

/** What docs/eventstoredb.md asks for: one append may hold a seating plan. */
const maxAppendBytes = 8_388_608;

/**
 * The server's program: the one that EVENTSTORED names, or `eventstored` on PATH.
 * @returns its path, or undefined when there is none.
 * @throws {MissingEngine} when EVENTSTORED names a file that is missing or not executable.
 */
export function findEventStored(env = process.env) {
  if (!env.EVENTSTORED) return findProgram(['eventstored']);
  const program = resolve(env.EVENTSTORED);
  try {
    accessSync(program, constants.X_OK);
  } catch {
    throw new MissingEngine(`EVENTSTORED names ${program}, which does not exist or is not executable`);
  }
  return program;
}

/**
 * The command of one node on 127.0.0.1, with the options of servers from 23.10 on.
 * @param node.folder of its data and log files.
 * @param node.otherPorts of the cluster's other nodes; empty: a single node.
 * @param node.tls its certificate, key, and folder of authorities; undefined: plain text without users.
 * @param node.isInMemory whether data is kept in memory only.
 */
export function eventStoredCommand(program, node) {
  const { folder, port, replicationPort, otherPorts = [], tls, isInMemory = false } = node;
  const settings = {
    ...(isInMemory ? {} : { db: join(folder, 'db') }),
    log: join(folder, 'log'),
    'node-ip': '127.0.0.1',
    'node-port': port,
    'replication-ip': '127.0.0.1',
    'replication-port': replicationPort,
    'max-append-size': maxAppendBytes,
    'run-projections': 'None',
    ...(otherPorts.length === 0
      ? {}
      : {
          'cluster-size': otherPorts.length + 1,
          'discover-via-dns': false,
          'gossip-seed': otherPorts.map((other) => `127.0.0.1:${other}`).join(','),
        }),
    ...(tls === undefined
      ? {}
      : {
          'certificate-file': tls.certificateFile,
          'certificate-private-key-file': tls.keyFile,
          'trusted-root-certificates-path': tls.authoritiesFolder,
        }),
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  return [
    ...withoutForeignSettings(),
    program,
    ...(tls === undefined ? ['--insecure'] : []),
    ...(isInMemory ? ['--mem-db'] : []),
    ...flags,
  ];
}

/**
 * EventStoreDB takes each variable EVENTSTORE_… for a setting of its own and ends at one it does not know, such as
 * the office's EVENTSTORE_URL.
 */
function withoutForeignSettings() {
  const foreign = [
    'EVENTSTORE_URL',
    'EVENTSTORE_ADMIN_PASSWORD',
    'EVENTSTORE_CERTIFICATES',
    'EVENTSTORE_OPS_PASSWORD',
  ];
  return ['/usr/bin/env', ...foreign.flatMap((name) => ['-u', name])];
}
