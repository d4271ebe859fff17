import type { ServerKind } from './server-kind.js';

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
  /** A connection nobody has used for this long is closed. */
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
