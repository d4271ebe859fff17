import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { hasDockerEngine } from './docker.js';
import { provideProgram } from './find-program.js';
import { freePort } from './free-port.js';
import { GuardedServer, type ServerCommand } from './guarded-server.js';
import { type Installation, mariaDbCommand } from './mariadb-command.js';
import { dataTemplate } from './mariadb-template.js';
import { waitUntil } from './wait-until.js';

const program = { names: ['mariadbd', 'mysqld'], debianPackage: 'mariadb-server' };
/** An image may have to be fetched. */
const startTimeoutMs = 180_000;
const startAttempts = 3;
const connectTimeoutMs = 5_000;
/** May do everything on its private server. */
const user = 'boxoffice';

/** Databases on a server that belongs to the tests. */
export interface TestDatabases {
  /** `mysql://user:password@127.0.0.1:port[/database]`; stays the same over restarts. */
  url(database?: string): string;
  /** Creates an empty database and returns its URL. It goes with the server. */
  newDatabase(): Promise<string>;
}

/** A private MariaDB (or MySQL) server of the test that started it. */
export interface TestMariaDb extends TestDatabases {
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

export interface MariaDbOptions {
  /** The server's folder; it must not hold a server. Default: a new one. */
  readonly folder?: string;
  /** More settings of the server, as on its command line. */
  readonly settings?: readonly string[];
}

/**
 * Starts an empty MariaDB on a free port of 127.0.0.1.
 * @throws naming what to install when there is none and it cannot be installed.
 */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<TestMariaDb> {
  const path = await provideProgram(program);
  if (path === undefined && !(await hasDockerEngine())) {
    throw new Error('these tests need mariadbd in PATH, or Docker: install MariaDB 10.11 or newer');
  }
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'boxoffice-mariadb-'));
  const password = randomBytes(12).toString('hex');
  try {
    if (path === undefined) mkdirSync(join(folder, 'data'));
    else cpSync(await dataTemplate(path), join(folder, 'data'), { recursive: true });
    writeFileSync(
      join(folder, 'init.sql'),
      `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';\n` +
        `GRANT ALL ON *.* TO '${user}'@'%' WITH GRANT OPTION;\n`,
      { mode: 0o600 },
    );
    return await launchOnFreePort({ path, folder, password, settings: options.settings ?? [] });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Databases of a server that somebody else started. */
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

async function launchOnFreePort(installation: Installation): Promise<TestMariaDb> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const command = mariaDbCommand(installation, port);
    const url = `mysql://${user}:${installation.password}@127.0.0.1:${port}`;
    try {
      return new PrivateMariaDb(
        installation.folder,
        url,
        command,
        await launch(installation.folder, url, command),
      );
    } catch (error) {
      // Another process may have taken the port in between.
      if (attempt >= startAttempts) throw error;
    }
  }
}

async function launch(folder: string, url: string, command: ServerCommand): Promise<GuardedServer> {
  const server = await GuardedServer.spawn(folder, command);
  try {
    await waitUntil(
      'MariaDB answers',
      async () => {
        if (!server.isRunning) throw new Error(`MariaDB ended: ${server.output()}`);
        // Nobody else's server knows the password.
        await ask(url, (connection) => connection.ping());
        return true;
      },
      startTimeoutMs,
    );
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

class PrivateMariaDb implements TestMariaDb {
  private readonly databases: TestDatabases;

  constructor(
    private readonly folder: string,
    private readonly serverUrl: string,
    private readonly command: ServerCommand,
    private server: GuardedServer,
  ) {
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
