import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { findDatabaseServers } from '../../scripts/stack/programs.mjs';
import type { ServerKind } from '../../src/projections/mysql/server.js';
import { databaseCommand, type Installation } from './database-command.js';
import { dataTemplate } from './database-template.js';
import { hasDockerEngine } from './docker.js';
import { provideProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { GuardedServer, type ServerCommand } from './guarded-server.js';
import { waitUntil } from './wait-until.js';

const startAttempts = 3;
const connectTimeoutMs = 5_000;
/** May do everything on its private server. */
const user = 'boxoffice';

/** The Jest project says which server this run of a suite is for; elsewhere any will do. */
const { readModelsOn } = globalThis as { readModelsOn?: ServerKind };

/** Databases on a server that belongs to the tests. */
export interface TestDatabases {
  /** `mysql://user:password@127.0.0.1:port[/database]`; stays the same over restarts. */
  url(database?: string): string;
  /** Creates an empty database and returns its URL. It goes with the server. */
  newDatabase(): Promise<string>;
}

/** A private MariaDB or MySQL server of the test that started it. */
export interface TestDatabaseServer extends TestDatabases {
  readonly kind: ServerKind;
  /** Crashes the server; what was committed is there again after {@link restart}. */
  kill(): Promise<void>;
  /** Starts it again after a kill, or ends and starts it. */
  restart(): Promise<void>;
  /** Freezes the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it and removes its folder. Nothing is left when the test process ends without it, either. */
  stop(): Promise<void>;
}

export interface DatabaseServerOptions {
  /** The server's folder; it must not hold a server. Default: a new one. */
  readonly folder?: string;
  /** Default: as this Jest project or what is installed has it. */
  readonly kind?: ServerKind | undefined;
  /** More settings of the server, as on its command line. */
  readonly settings?: readonly string[];
}

/**
 * Starts an empty server on a free port of 127.0.0.1: of the kind this Jest project is for, or else MariaDB or MySQL,
 * whichever is there.
 * @throws naming what to install when there is none and it cannot be installed.
 */
export async function startDatabaseServer(options: DatabaseServerOptions = {}): Promise<TestDatabaseServer> {
  const { kind, path } = await provideServer(options.kind ?? readModelsOn);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), `boxoffice-${kind}-`));
  const password = randomBytes(12).toString('hex');
  try {
    if (path === undefined) mkdirSync(join(folder, 'data'));
    else cpSync(await dataTemplate(kind, path), join(folder, 'data'), { recursive: true });
    writeFileSync(
      join(folder, 'init.sql'),
      `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';\n` +
        `GRANT ALL ON *.* TO '${user}'@'%' WITH GRANT OPTION;\n`,
      { mode: 0o600 },
    );
    return await launchOnFreePort({ kind, path, folder, password, settings: options.settings ?? [] });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function provideServer(wanted: ServerKind | undefined): Promise<Pick<Installation, 'kind' | 'path'>> {
  const found = findDatabaseServers();
  const kind = wanted ?? (!found.mariadb && found.mysql ? 'mysql' : 'mariadb');
  const path = found[kind]?.path;
  if (path !== undefined) return { kind, path };
  if (kind === 'mysql') throw new Error('these tests need mysqld in PATH: install MySQL 8.0.19 or newer');
  const installed = await provideProgram({ names: ['mariadbd'], debianPackage: 'mariadb-server' });
  if (installed === undefined && !(await hasDockerEngine())) {
    throw new Error('these tests need mariadbd or mysqld in PATH, or Docker: install MariaDB 10.11 or newer');
  }
  return { kind, path: installed };
}

/** Databases of a server that another process started. */
export function databasesAt(serverUrl: string): TestDatabases {
  const url = (database?: string) => (database === undefined ? serverUrl : `${serverUrl}/${database}`);
  return {
    url,
    async newDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await ask(serverUrl, (connection) => connection.query(`CREATE DATABASE ${name}`));
      return url(name);
    },
  };
}

async function launchOnFreePort(installation: Installation): Promise<TestDatabaseServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const command = databaseCommand(installation, port);
    const url = `mysql://${user}:${installation.password}@127.0.0.1:${port}`;
    try {
      const server = await launch(installation.folder, url, command);
      return new PrivateServer(installation, url, command, server);
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt >= startAttempts) throw error;
    }
  }
}

async function launch(folder: string, url: string, command: ServerCommand): Promise<GuardedServer> {
  const server = await GuardedServer.spawn(folder, command);
  try {
    await waitUntil('the database server answers', async () => {
      if (!server.isRunning) throw new Error(`the database server ended: ${server.output()}`);
      // Only the server of this test has the password.
      await ask(url, (connection) => connection.ping());
      return true;
    });
    return server;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Asks on a connection of its own. */
async function ask<Reply>(url: string, question: (connection: Connection) => Promise<Reply>): Promise<Reply> {
  const connection = await createConnection({ uri: url, connectTimeout: connectTimeoutMs });
  try {
    return await question(connection);
  } finally {
    await connection.end();
  }
}

class PrivateServer implements TestDatabaseServer {
  private readonly databases: TestDatabases;

  readonly kind: ServerKind;
  private readonly folder: string;

  constructor(
    { kind, folder }: Installation,
    private readonly serverUrl: string,
    private readonly command: ServerCommand,
    private server: GuardedServer,
  ) {
    this.kind = kind;
    this.folder = folder;
    this.databases = databasesAt(serverUrl);
  }

  url(database?: string): string {
    return this.databases.url(database);
  }

  newDatabase(): Promise<string> {
    return this.databases.newDatabase();
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  async restart(): Promise<void> {
    await this.server.stop();
    this.server = await launch(this.folder, this.serverUrl, this.command);
  }

  pause(): Promise<void> {
    return this.server.pause();
  }

  resume(): Promise<void> {
    return this.server.resume();
  }

  async stop(): Promise<void> {
    // Its data goes anyway, so there is nothing to write out first.
    await this.server.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
