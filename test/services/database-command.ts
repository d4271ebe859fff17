import { join } from 'node:path';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import { asRoot, storageSettings } from './database-template.js';
import { containerName, dockerCommand } from './docker.js';
import type { ServerCommand } from './guarded-server.js';

/** Used where no server program is installed. */
const image = 'mariadb:10.11';
/** A server for tests is small, and a crash of the machine ends the test anyway. */
const lightSettings: Readonly<Record<ServerKind, readonly string[]>> = {
  mariadb: ['--performance-schema=OFF'],
  // The X protocol would open a second port; the folder a package expects for files need not exist.
  mysql: ['--mysqlx=OFF', '--secure-file-priv=NULL', '--sync-binlog=0'],
};
const sharedSettings = [
  '--skip-name-resolve',
  '--innodb-buffer-pool-size=64M',
  '--innodb-flush-log-at-trx-commit=2',
];

/** A server's program and folder. */
export interface Installation {
  readonly kind: ServerKind;
  /** Of the server program; undefined: Docker's image. */
  readonly path: string | undefined;
  readonly folder: string;
  readonly password: string;
  readonly settings: readonly string[];
}

/** How the server is run on a port of 127.0.0.1. Its account is made by `init.sql` in its folder. */
export function databaseCommand(installation: Installation, port: number): ServerCommand {
  const { kind, path, folder } = installation;
  const settings = [...sharedSettings, ...lightSettings[kind], ...installation.settings];
  const init = join(folder, 'init.sql');
  if (path === undefined) {
    const container = containerName();
    const mounts = {
      '/var/lib/mysql': join(folder, 'data'),
      '/docker-entrypoint-initdb.d/init.sql': init,
    };
    const env = { MARIADB_RANDOM_ROOT_PASSWORD: '1' };
    const shape = { name: container, image, port: [port, 3306], mounts, env } as const;
    return { container, command: dockerCommand(shape, settings) };
  }
  const files = [
    `--datadir=${join(folder, 'data')}`,
    `--init-file=${init}`,
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, 'pid')}`,
  ];
  const address = [`--port=${port}`, '--bind-address=127.0.0.1'];
  const own = [...storageSettings[kind], ...asRoot(), ...files, ...address];
  return { command: [path, ...own, ...settings] };
}
