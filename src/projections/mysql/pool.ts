import type { Socket } from 'node:net';
import { createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';

/** What every connection of a pool is bound to. */
export interface ConnectionRules {
  /** Statements run on a new connection before anything else. */
  readonly session: readonly string[];
  /** A server that says nothing for this long in the middle of a statement is given up, ms. */
  readonly silenceMs: number;
  /** Longest wait for a connection, ms. */
  readonly acquireTimeoutMs: number;
}

/** Requests that may wait for a connection. */
const maxWaiting = 1_000;

type Acquired = (error: NodeJS.ErrnoException | null, connection: PoolConnection) => void;

/**
 * The `driver` option of a TypeORM DataSource: mysql2, whose pools have no time limits of their own, with limits.
 * A connection that breaks one is closed; the pool makes new ones as they are needed.
 */
export function boundedMysql(rules: ConnectionRules): { createPool(options: PoolOptions): Pool } {
  return {
    createPool(options) {
      const pool = createPool(options);
      pool.on('connection', (connection) => prepare(connection, rules));
      pool.on('acquire', (connection) => socketOf(connection).setTimeout(rules.silenceMs));
      pool.on('release', (connection) => socketOf(connection).setTimeout(0));
      boundWaiting(pool, rules.acquireTimeoutMs);
      return pool;
    },
  };
}

function prepare(connection: PoolConnection, { session, silenceMs }: ConnectionRules): void {
  // The statement at hand gets the error as well; without a listener a second one would end the process.
  connection.on('error', () => undefined);
  const socket = socketOf(connection);
  socket.on('timeout', () => socket.destroy(new ServerSilent(silenceMs)));
  // Queued before whatever the connection was made for, which fails if this does.
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
