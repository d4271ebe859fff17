import type { DataSource } from 'typeorm';
import { allTables } from '../projections/all-projections.js';
import { driverErrorField } from '../projections/engine/dialect.js';
import { type CellValue, fromCell, type Table } from '../projections/engine/entity.js';

/**
 * Asks the read models' database, mostly through a repository. A connection may have died while it was idle, so one that
 * is lost is replaced once.
 * @throws {ReadModelsUnavailable} when the database cannot be asked now.
 */
export async function ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    if (outageOf(error) !== 'lost') throw asUnavailable(error);
  }
  try {
    return await question();
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** Columns of a result that are named differently than the entities' columns they come from. */
type Aliases = Readonly<Record<string, string>>;

/**
 * Runs a SELECT; the caller names the row type that its columns have. Moments, booleans and JSON are converted as the
 * entities state.
 *
 * SQL is for questions that many fans repeat, and for what repositories do not express (joins of names, unions, keyset
 * paging): finding one row by its key took a repository four to five times as long (on SQLite and a busy machine 0.66
 * to 1.08 ms beside 0.14 to 0.20).
 * @param parameters moments as {@link storedMoment} makes them.
 * @throws {ReadModelsUnavailable} when the database cannot be asked now.
 */
export async function selectAll<Row>(
  db: DataSource,
  sql: string,
  parameters: readonly CellValue[] = [],
  aliases: Aliases = {},
): Promise<Row[]> {
  const rows = await ask(() => db.query<Record<string, unknown>[]>(sql, [...parameters]));
  const converted = Object.keys(rows[0] ?? {}).flatMap((name) => {
    const kind = kinds.get(aliases[name] ?? name);
    return kind === undefined || kind === 'plain' ? [] : [{ name, kind }];
  });
  for (const row of rows) for (const { name, kind } of converted) row[name] = fromCell(kind, row[name]);
  return rows as Row[]; // as the caller says
}

/** How the columns of a name are stored. */
const kinds = kindsByName(allTables);

/** @throws {Error} when columns of one name are stored in different ways: a SELECT could not tell them apart. */
export function kindsByName(tables: readonly Pick<Table, 'name' | 'columns' | 'kinds'>[]) {
  const found = new Map<string, Table['kinds'][number]>();
  for (const { name, columns, kinds } of tables) {
    for (const [index, kind] of kinds.entries()) {
      const column = String(columns[index]);
      if ((found.get(column) ?? kind) !== kind) {
        throw new Error(`column ${column} of table ${name} is stored in another way in another table`);
      }
      found.set(column, kind);
    }
  }
  return found;
}

/** The first row of a SELECT, or undefined. @throws {ReadModelsUnavailable} as {@link selectAll}. */
export async function selectFirst<Row>(
  db: DataSource,
  sql: string,
  parameters: readonly CellValue[] = [],
  aliases: Aliases = {},
): Promise<Row | undefined> {
  return (await selectAll<Row>(db, sql, parameters, aliases))[0];
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
