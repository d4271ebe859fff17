import type { DataSource } from 'typeorm';
import { driverErrorField } from '../projections/engine/dialect.js';
import { type CellValue, instantOf } from '../projections/engine/entity.js';

/**
 * Runs a SELECT; the caller names the row type its columns have. Moments, booleans and JSON are converted by the names of
 * their columns. A connection may have died while it lay idle, so one that is lost is replaced once.
 * @param parameters moments as {@link storedMoment} makes them.
 * @throws {ReadModelsUnavailable} when the database cannot be asked now.
 */
export async function selectAll<Row>(
  db: DataSource,
  sql: string,
  parameters: readonly CellValue[] = [],
): Promise<Row[]> {
  const ask = async () =>
    (await db.query<StoredRow[]>(sql, [...parameters])).map((row) => fromStored(row) as Row);
  try {
    return await ask();
  } catch (error) {
    if (outageOf(error) !== 'lost') throw asUnavailable(error);
  }
  try {
    return await ask();
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** A row as the driver gives it: SQLite's has text and numbers only. */
type StoredRow = Record<string, unknown>;

const moments = /_(at|until|time)$|^(expire|order|payment|reservation)_date$/;
const documents = new Set([
  'names',
  'performance_names',
  'venue_names',
  'decorations',
  'category_counts',
  'prices',
  'sales',
]);
const flags = new Set(['withdrawn', 'for_sale', 'opened', 'settled']);

function fromStored(row: StoredRow): StoredRow {
  for (const [name, value] of Object.entries(row)) {
    if (value === null) continue;
    if (moments.test(name)) row[name] = instantOf(value as Date | string);
    else if (documents.has(name)) row[name] = typeof value === 'string' ? JSON.parse(value) : value;
    else if (flags.has(name)) row[name] = value !== 0;
  }
  return row;
}

/** The first row of a SELECT, or undefined. @throws {ReadModelsUnavailable} as {@link selectAll}. */
export async function selectFirst<Row>(
  db: DataSource,
  sql: string,
  parameters: readonly CellValue[] = [],
): Promise<Row | undefined> {
  return (await selectAll<Row>(db, sql, parameters))[0];
}

function asUnavailable(error: unknown): unknown {
  return outageOf(error) === 'none' ? error : new ReadModelsUnavailable(error);
}

/** The read models' database cannot be asked now; the same question may be asked again soon. */
export class ReadModelsUnavailable extends Error {
  override readonly name = 'ReadModelsUnavailable';
  constructor(cause: unknown) {
    super(`the read models cannot be asked: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/**
 * The server is away, full or too slow: asking again at once would make it worse. The driver names errors as MySQL
 * does; the number is MariaDB's for a query that took too long.
 */
const away = new Set<unknown>([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_QUERY_INTERRUPTED',
  'ER_QUERY_TIMEOUT',
  1969,
]);
/** The connection is gone, as is every one with a fatal error; another one may work at once. */
const lost = new Set<unknown>([
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'EPIPE',
  'ER_SERVER_SHUTDOWN',
  // Sent by MySQL before it closes a connection that was idle for longer than wait_timeout.
  'ER_CLIENT_INTERACTION_TIMEOUT',
]);

/** Whether a failed query was refused (`none`, a defect of ours) or could not be asked. */
export function outageOf(error: unknown): 'none' | 'lost' | 'away' {
  const code = driverErrorField(error, 'code');
  if (away.has(code) || away.has(driverErrorField(error, 'errno'))) return 'away';
  return lost.has(code) || driverErrorField(error, 'fatal') === true ? 'lost' : 'none';
}
