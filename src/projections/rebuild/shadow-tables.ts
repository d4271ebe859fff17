import type { DataSource } from 'typeorm';
import { checkpointName, checkpointsTable, findCheckpoint } from '../engine/checkpoints.js';
import type { Dialect, WriteSession } from '../engine/dialect.js';
import { type ComparedLog, misfitOf } from '../engine/made-from.js';
import type { Projection } from '../engine/projection.js';
import { createTable, indexName, specOf } from '../engine/table-ddl.js';
import type { ReadModels } from '../read-models.js';

/** Of the tables a rebuild fills beside the live ones. */
export const shadowSuffix = '__next';
/** Of the tables that were live before the swap, until they are dropped. */
export const retiredSuffix = '__old';

/** The physical names of a projection's tables. */
export function tableNames({ tables }: Projection, suffix: string): string[] {
  return tables.map(({ name }) => name + suffix);
}

/**
 * Creates shadow tables for the projections that lack them. Those of an interrupted rebuild are kept, and this one
 * continues with them, unless they were built by another version or from another log.
 * @param options.restart whether to start again in any case.
 */
export async function prepareShadow(
  { write, dialect }: ReadModels,
  projections: readonly Projection[],
  { log, restart }: { readonly log: ComparedLog; readonly restart: boolean },
): Promise<void> {
  await dialect.withSession(write, async (session) => {
    for (const projection of projections) {
      const names = await dialect.namesInUse(session);
      const isThere = tableNames(projection, shadowSuffix).every((name) => names.has(name));
      const checkpoint = await findCheckpoint(session, checkpointName(projection, shadowSuffix));
      const isOurs = isThere && !restart && checkpoint?.version === projection.version;
      if (isOurs && !(await misfitOf(log, [{ ...checkpoint, name: projection.name }]))) continue;
      await dropShadow(session, [projection]);
      await createShadow(write, dialect, session, projection);
    }
  });
}

/** Removes shadow tables and their checkpoints; whatever is missing already is no failure. */
export async function dropShadow(session: WriteSession, projections: readonly Projection[]): Promise<void> {
  for (const projection of projections) {
    // The checkpoint first: tables without one are not taken for a shadow.
    await session.run(`DELETE FROM ${checkpointsTable.name} WHERE name = ?`, [
      checkpointName(projection, shadowSuffix),
    ]);
    await dropTables(session, tableNames(projection, shadowSuffix));
  }
}

/** Drops tables, one transaction each. */
export async function dropTables(session: WriteSession, names: readonly string[]): Promise<void> {
  for (const name of names)
    await inTransaction(session, () => session.run(`DROP TABLE IF EXISTS ${name}`, []));
}

/** Runs `work` in a transaction, taken back when it fails. */
export async function inTransaction<Result>(
  session: WriteSession,
  work: () => Promise<Result>,
): Promise<Result> {
  await session.begin();
  try {
    const result = await work();
    await session.commit();
    return result;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

async function createShadow(
  dataSource: DataSource,
  dialect: Dialect,
  session: WriteSession,
  projection: Projection,
): Promise<void> {
  const names = await dialect.namesInUse(session);
  const statements = await ddlOf(dataSource, projection, names);
  await inTransaction(session, async () => {
    for (const statement of statements) await session.run(statement, []);
  });
}

/** The statements that make a projection's shadow tables, as TypeORM writes them. */
async function ddlOf(
  dataSource: DataSource,
  { tables }: Projection,
  namesInUse: ReadonlySet<string>,
): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    runner.enableSqlMemory();
    for (const table of tables) {
      await createTable(runner, specOf(table), {
        table: table.name + shadowSuffix,
        index: (columns) => freeName(indexName(table.name, columns), namesInUse),
      });
    }
    return runner.getMemorySql().upQueries.map(({ query }) => query);
  } finally {
    runner.disableSqlMemory();
    await runner.release();
  }
}

/** SQLite's indexes share one space of names, and the live table has the first: rebuilds take turns with a second. */
function freeName(name: string, namesInUse: ReadonlySet<string>): string {
  for (let number = 2, free = name; ; number++) {
    if (!namesInUse.has(free)) return free;
    free = `${name}_${number}`;
  }
}
