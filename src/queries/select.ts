import type { DataSource } from 'typeorm';
import type { CellValue } from '../projections/engine/table.js';
import { outageOf, ReadModelsUnavailable } from './outage.js';

/**
 * Runs a SELECT; the caller names the row type its columns have. A connection may have died while it lay idle, so
 * one that is lost is replaced once.
 * @throws {ReadModelsUnavailable} when the database cannot be asked now.
 */
export async function selectAll<Row>(
  db: DataSource,
  sql: string,
  parameters: readonly CellValue[] = [],
): Promise<Row[]> {
  try {
    return await db.query<Row[]>(sql, [...parameters]);
  } catch (error) {
    if (outageOf(error) !== 'lost') throw asUnavailable(error);
  }
  try {
    return await db.query<Row[]>(sql, [...parameters]);
  } catch (error) {
    throw asUnavailable(error);
  }
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
