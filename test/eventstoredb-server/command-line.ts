/**
 * The wire server started as EventStoreDB is: the options that this repository starts EventStoreDB with, by the names
 * they have from 23.10 on. Ends with 1 when it is given another, as EventStoreDB does.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WireServer, type WireServerOptions } from './server.js';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const server = new WireServer(optionsOf(process.argv.slice(2)));
await server.start();
process.on('SIGTERM', () => {
  server.stop();
  process.exit(0);
});

function optionsOf(args: readonly string[]): WireServerOptions {
  try {
    return read(args);
  } catch (error) {
    process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function read(args: readonly string[]): WireServerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      db: text,
      log: text,
      'mem-db': flag,
      insecure: flag,
      'node-ip': text,
      'node-port': text,
      'replication-ip': text,
      'replication-port': text,
      'max-append-size': text,
      'run-projections': text,
      'certificate-file': text,
      'certificate-private-key-file': text,
      'trusted-root-certificates-path': text,
    },
  });
  if ((values['node-ip'] ?? '127.0.0.1') !== '127.0.0.1')
    throw new Error('--node-ip: it listens on 127.0.0.1 alone');
  const tls = tlsOf(values['certificate-file'], values['certificate-private-key-file']);
  if (tls === undefined && values.insecure !== true)
    throw new Error('a certificate is required, or --insecure');
  const folder = values['mem-db'] === true ? undefined : values.db;
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const adminPassword = process.env.EVENTSTORE_DEFAULT_ADMIN_PASSWORD ?? 'changeit';
  return {
    port: Number(values['node-port'] ?? 2113),
    maxAppendSize: Number(values['max-append-size'] ?? 1024 * 1024),
    die: () => process.kill(process.pid, 'SIGKILL'),
    ...(folder === undefined ? {} : { file: join(folder, 'log') }),
    ...(tls === undefined ? {} : { tls, adminPassword }),
  };
}

function tlsOf(certificateFile: string | undefined, keyFile: string | undefined): WireServerOptions['tls'] {
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
