import type { Socket } from 'node:net';
import { createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import type { ServerKind } from './server.js';

/** How many connections a process opens, and how long it waits for the server. */
export interface MysqlLimits {
  /** Connections for queries. */
  readonly readPoolSize: number;
  /** Connections for projections: one per runner, one to spare. */
  readonly writePoolSize: number;
  readonly connectTimeoutMs: number;
  /** Longest wait for a connection, a new one included; queries that wait longer fail. */
  readonly acquireTimeoutMs: number;
  /** Longest a query may run. */
  readonly queryTimeoutMs: number;
  /** Longest a statement of a projection may run, waiting for locks included. */
  readonly writeTimeoutMs: number;
  /** A connection that was not used for this long is closed. */
  readonly idleTimeoutMs: number;
}

export const defaultMysqlLimits: MysqlLimits = {
  readPoolSize: 10,
  writePoolSize: 4,
  connectTimeoutMs: 5_000,
  acquireTimeoutMs: 5_000,
  queryTimeoutMs: 10_000,
  writeTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
};

/**
 * The server closes a connection, and takes back its transaction, when nothing comes for so many times as long as
 * this process would keep it idle: a frozen process must not hold the checkpoints for ever, and the server's own
 * setting, however short, must not close what a pool still counts on.
 */
const waitFactor = 2;

/** The server's own defaults differ, and an operator may have changed them. */
function serverDefaults({ idleTimeoutMs }: MysqlLimits): string {
  const waitSeconds = Math.ceil((waitFactor * idleTimeoutMs) / 1_000);
  return `sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', wait_timeout = ${waitSeconds}`;
}

/** Settings of connections that queries use; the server ends what runs too long. */
export function readSession(kind: ServerKind, limits: MysqlLimits): string[] {
  const { queryTimeoutMs } = limits;
  const limit =
    kind === 'mariadb'
      ? `max_statement_time = ${queryTimeoutMs / 1_000}`
      : `max_execution_time = ${queryTimeoutMs}`;
  return [`SET SESSION ${serverDefaults(limits)}, ${limit}`];
}

/**
 * Settings of connections that projections use. Reading committed rows is enough behind the checkpoint's lock, and
 * takes no locks on gaps.
 */
export function writeSession(limits: MysqlLimits): string[] {
  const lockSeconds = Math.max(1, Math.floor(limits.writeTimeoutMs / 3_000));
  return [
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    `SET SESSION ${serverDefaults(limits)}, innodb_lock_wait_timeout = ${lockSeconds}, lock_wait_timeout = ${lockSeconds}`,
  ];
}

/** What every connection of a pool is bound to. */
interface ConnectionRules {
  /** Statements run on a new connection before anything else. */
  readonly session: readonly string[];
  /** A server that says nothing for this long in the middle of a statement is given up, ms. */
  readonly silenceMs: number;
  /** A connection that was not used for this long is given back to the server, ms. */
  readonly idleMs: number;
  /** Longest wait for a connection, ms. */
  readonly acquireTimeoutMs: number;
}

/** Requests that may wait for a connection. */
const maxWaiting = 1_000;
/** A connection that has said goodbye is not kept for a server that does not listen, ms. */
const quitTimeoutMs = 1_000;

type Acquired = (error: NodeJS.ErrnoException | null, connection: PoolConnection) => void;

/**
 * The `driver` option of a TypeORM DataSource: mysql2, whose pools have no time limits of their own, with limits.
 * A connection that breaks one is closed; the pool makes new ones as they are needed.
 */
export function boundedMysql(rules: ConnectionRules): { createPool(options: PoolOptions): Pool } {
  return {
    createPool(options) {
      // With gracefulEnd, end() takes a connection out of the pool and tells the server.
      const pool = createPool({ ...options, gracefulEnd: true });
      const idle = new WeakSet<PoolConnection>();
      pool.on('connection', (connection) => prepare(connection, rules, idle));
      pool.on('acquire', (connection) => {
        idle.delete(connection);
        socketOf(connection).setTimeout(rules.silenceMs);
      });
      pool.on('release', (connection) => {
        idle.add(connection);
        socketOf(connection).setTimeout(rules.idleMs);
      });
      boundWaiting(pool, rules.acquireTimeoutMs);
      boundClosing(pool);
      return pool;
    },
  };
}

function prepare(
  connection: PoolConnection,
  { session, silenceMs }: ConnectionRules,
  idle: WeakSet<PoolConnection>,
): void {
  // The statement at hand gets the error as well; without a listener a second one would end the process.
  connection.on('error', () => undefined);
  // The driver warns about a packet out of order and still processes it: the error that MySQL sends before it closes an
  // idle connection (4031) is taken for the answer to the statement just sent. The connection must not be used again.
  connection.on('warn', () => connection.destroy());
  const socket = socketOf(connection);
  socket.on('timeout', () => {
    if (idle.delete(connection)) {
      socket.setTimeout(quitTimeoutMs);
      connection.end();
    } else {
      socket.destroy(new ServerSilent(silenceMs));
    }
  });
  // Queued before the statement that the connection was made for, which fails if this does.
  for (const statement of session) {
    connection.query(statement, (error) => {
      if (error) connection.destroy();
    });
  }
}

/** mysql2 lets any number of callers wait for a free connection for ever. */
function boundWaiting(pool: Pool, acquireTimeoutMs: number): void {
  const getConnection = pool.getConnection.bind(pool);
  let waiting = 0;
  pool.getConnection = (acquired: Acquired) => {
    // mysql2 itself passes no connection beside an error.
    const none = undefined as unknown as PoolConnection;
    if (waiting >= maxWaiting) {
      acquired(new NoConnection(`${maxWaiting} requests wait for a database connection`), none);
      return;
    }
    let isLate = false;
    waiting++;
    const timer = setTimeout(() => {
      isLate = true;
      acquired(new NoConnection(`no database connection within ${acquireTimeoutMs} ms`), none);
    }, acquireTimeoutMs);
    getConnection((error, connection) => {
      waiting--;
      clearTimeout(timer);
      if (!isLate) acquired(error, connection);
      else if (!error) connection.release();
    });
  };
}

/** The connections of a closed pool keep the process alive until they have ended. */
function boundClosing(pool: Pool): void {
  const sockets = new Set<Socket>();
  pool.on('connection', (connection) => {
    const socket = socketOf(connection);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const end = pool.end.bind(pool);
  pool.end = (ended?: (error: NodeJS.ErrnoException | null) => void) => {
    for (const socket of sockets) socket.setTimeout(quitTimeoutMs, () => socket.destroy());
    end(ended);
  };
}

function socketOf(connection: PoolConnection): Socket {
  // A Connection keeps its socket under this name; the typings leave it out.
  return (connection as unknown as { stream: Socket }).stream;
}

/** The server did not answer in time. */
class ServerSilent extends Error {
  override readonly name = 'ServerSilent';
  readonly code = 'ETIMEDOUT';
  constructor(silenceMs: number) {
    super(`the database has been silent for ${silenceMs} ms`);
  }
}

/** Every connection stayed in use. */
class NoConnection extends Error {
  override readonly name = 'NoConnection';
  readonly code = 'ETIMEDOUT';
}
